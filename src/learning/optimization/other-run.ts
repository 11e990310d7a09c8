import { LatentloopError } from "../../core/errors.ts";

/** A checkpoint that belongs to another run than the one that is to go on from it. */
export function otherRun(expected: string, received: string): LatentloopError {
  return new LatentloopError(
    "ERR_CHECKPOINT_MISMATCH",
    `Expected a checkpoint of ${expected} but received ${received}.`,
    { remedy: "Resume with the options that the run was started with, or start a new run in another folder." },
  );
}

/**
 * @param found as a checkpoint keeps it: JSON
 * @throws ERR_CHECKPOINT_MISMATCH if it is another recipe: the sentence names the first number that differs
 */
export function requireSameRecipe(recipe: object, found: string): void {
  const difference = firstDifference(JSON.parse(JSON.stringify(recipe)), JSON.parse(found));
  if (!difference) return;
  const { path, wanted, given } = difference;
  const name = path.join(".");
  throw otherRun(`a run with the same recipe, ${name} ${textOf(wanted)},`, `one with ${name} ${textOf(given)}`);
}

interface Difference {
  readonly path: readonly string[];
  readonly wanted: unknown;
  readonly given: unknown;
}

/** Of two values of JSON. */
function firstDifference(wanted: unknown, given: unknown, path: readonly string[] = []): Difference | undefined {
  if (!isRecord(wanted) || !isRecord(given)) return wanted === given ? undefined : { path, wanted, given };
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(given)])) {
    const difference = firstDifference(wanted[key], given[key], [...path, key]);
    if (difference) return difference;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  return value === undefined ? "left out" : JSON.stringify(value);
}
