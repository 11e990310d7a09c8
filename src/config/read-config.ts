import { readFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { type Document, isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { type Place, parseStrict } from "./parse-strict.ts";

/**
 * A YAML or JSON file checked against its schema.
 * @throws ERR_FILE_UNREADABLE, ERR_SYNTAX, and those of `parseStrict`
 */
export async function readConfig<S extends z.ZodType>(schema: S, file: string): Promise<z.output<S>> {
  return parseConfig(schema, await readText(file), file);
}

/** As `readConfig`, of text at hand; `file` is its name in error sentences. */
export function parseConfig<S extends z.ZodType>(schema: S, text: string, file: string): z.output<S> {
  const { value, place } = file.endsWith(".json") ? parseJson(text, file) : parseYaml(text, file);
  return parseStrict(schema, value, place);
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const isLost = (cause as NodeJS.ErrnoException).code === "ENOENT" && !isAbsolute(file);
    throw new LatentloopError("ERR_FILE_UNREADABLE", `Expected a readable file at ${file}: ${messageOf(cause)}.`, {
      ...(isLost && {
        remedy: `It was looked for below the working directory, ${process.cwd()}: run the command where ${file} lies, or write the whole path.`,
      }),
      cause,
    });
  }
}

interface Parsed {
  readonly value: unknown;
  readonly place: Place;
}

function parseYaml(text: string, file: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const [firstLine = error.message] = error.message.split("\n");
    throw new LatentloopError("ERR_SYNTAX", `Expected YAML in ${file}: ${firstLine.replace(/:$/, "")}.`, {
      cause: error,
    });
  }
  return { value: document.toJS(), place: { file, lineOf: (path) => lineOf(document, lines, path) } };
}

/** The line of the value at `path`, or of the nearest enclosing one that exists. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function parseJson(text: string, file: string): Parsed {
  try {
    return { value: JSON.parse(text), place: { file } };
  } catch (cause) {
    throw new LatentloopError("ERR_SYNTAX", `Expected JSON in ${file}: ${messageOf(cause)}.`, { cause });
  }
}
