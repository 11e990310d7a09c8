import type { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import { nearestKey } from "./nearest-key.ts";
import { formatExpectation, type SchemaView, valueAt, viewAt, viewOf } from "./schema-view.ts";

/** Where a value was read: a file's name, and the line of a path in it where that is known. */
export interface Place {
  readonly file: string;
  lineOf?(path: readonly PropertyKey[]): number | undefined;
}

interface Problem {
  readonly code: "ERR_UNKNOWN_KEY" | "ERR_MISSING_KEY" | "ERR_INVALID_VALUE";
  readonly message: string;
  readonly remedy: string | undefined;
}

/**
 * Checks a value that came from outside against its schema, once, at the border; defaults are filled in.
 *
 * @throws ERR_UNKNOWN_KEY for a key that the schema does not know, with the nearest one that it knows
 * @throws ERR_MISSING_KEY for a key without a value and without a default
 * @throws ERR_INVALID_VALUE for a value of another type or outside its range
 */
export function parseStrict<S extends z.ZodType>(schema: S, value: unknown, where: string | Place): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const place = typeof where === "string" ? { file: where } : where;
  const view = viewOf(schema);
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, view, value, place));
  // A misspelt key is often a missing one too: name the spelling first.
  const first = problems.find((problem) => problem.code === "ERR_UNKNOWN_KEY") ?? problems[0]!;
  const others = problems.filter((problem) => problem !== first).map((problem) => problem.message);
  const remedy = [first.remedy, others.length > 0 && `Also: ${others.join(" ")}`].filter(Boolean).join(" ");
  throw new LatentloopError(first.code, first.message, remedy ? { remedy } : {});
}

function problemsOf(issue: z.core.$ZodIssue, view: SchemaView, value: unknown, place: Place): Problem[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(key, issue.path, view, value, place));
  const expected = viewAt(view, issue.path, value);
  const received = valueAt(value, issue.path);
  if (received === undefined && issue.code !== "custom") return [missingKey(issue.path, expected, place)];
  const rule = ruleOf(issue, expected);
  return [
    {
      code: "ERR_INVALID_VALUE",
      message: `${rule} for ${formatPath(issue.path)} in ${formatPlace(place, issue.path)} but received ${formatValue(received)}.`,
      remedy: expected?.description,
    },
  ];
}

function ruleOf(issue: z.core.$ZodIssue, expected: SchemaView | undefined): string {
  if (issue.code === "custom") return issue.message; // a sentence that begins with "Expected"
  if (issue.code === "invalid_key")
    return `Expected another name (${issue.issues.map((inner) => inner.message).join(", ")})`;
  return `Expected ${expected ? formatExpectation(expected) : issue.message}`;
}

function unknownKey(
  key: string,
  path: readonly PropertyKey[],
  view: SchemaView,
  value: unknown,
  place: Place,
): Problem {
  const known = Object.keys(viewAt(view, path, value)?.properties ?? {});
  const nearest = nearestKey(key, known);
  const nearestSentence = nearest === undefined ? "no known key is like it" : `the nearest known key is '${nearest}'`;
  return {
    code: "ERR_UNKNOWN_KEY",
    message: `Unknown key ${formatPath([...path, key])} in ${formatPlace(place, [...path, key])}: ${nearestSentence}.`,
    remedy: `Known here: ${known.join(", ")}.`,
  };
}

function missingKey(path: readonly PropertyKey[], expected: SchemaView | undefined, place: Place): Problem {
  const rule = expected ? `: expected ${formatExpectation(expected)}` : "";
  return {
    code: "ERR_MISSING_KEY",
    message: `Missing ${formatPath(path)} in ${formatPlace(place, path)}${rule}.`,
    remedy: expected?.description,
  };
}

/** 'graphs.plan.inputs[2].shape' */
export function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the whole content";
  const parts = path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`));
  return `'${parts.join("")}'`;
}

function formatPlace(place: Place, path: readonly PropertyKey[]): string {
  const line = place.lineOf?.(path);
  return line === undefined ? place.file : `${place.file}:${line}`;
}

function formatValue(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
