import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { LatentloopError, messageOf } from "../core/errors.ts";

/**
 * Parameters that the command line gives a node: `-p name:=value`, `-p node:name:=value` and `--params-file`, the last one
 * counting. rclnodejs finds those of a file only under `/**` and the bare node name, not under a full name as
 * `ros2 launch` writes it.
 *
 * @throws ERR_FILE_UNREADABLE, ERR_SYNTAX
 */
export function parameterOverrides(argv: readonly string[], fullName: string): Map<string, unknown> {
  const overrides = new Map<string, unknown>();
  const rosArgv = rosArguments(argv);
  for (let i = 0; i + 1 < rosArgv.length; i++) {
    const value = rosArgv[i + 1]!;
    if (rosArgv[i] === "--params-file") applyFile(readYaml(value), value, fullName, overrides);
    else if (rosArgv[i] === "-p" || rosArgv[i] === "--param") applyAssignment(value, fullName, overrides);
    else continue;
    i++;
  }
  return overrides;
}

/** What lies between each `--ros-args` and its `--`. */
function rosArguments(argv: readonly string[]): string[] {
  let isRos = false;
  return argv.filter((argument) => {
    if (argument === "--ros-args") isRos = true;
    else if (argument === "--") isRos = false;
    return isRos;
  });
}

function applyAssignment(assignment: string, fullName: string, overrides: Map<string, unknown>): void {
  const [, node, name, text] = /^(?:([^:=]+):)?([^:=]+):=(.*)$/s.exec(assignment) ?? [];
  if (name === undefined || text === undefined || (node !== undefined && !fitsNode(node, fullName))) return;
  overrides.set(name, parse(text));
}

function applyFile(content: unknown, file: string, fullName: string, overrides: Map<string, unknown>): void {
  const visit = (tree: unknown, path: string): void => {
    if (typeof tree !== "object" || tree === null) {
      throw new LatentloopError(
        "ERR_SYNTAX",
        `Expected node names with 'ros__parameters' below them in ${file} but received ${JSON.stringify(tree)} at '${path}'.`,
      );
    }
    for (const [key, inner] of Object.entries(tree)) {
      if (key !== "ros__parameters") visit(inner, `${path}/${key.replace(/^\//, "")}`);
      else if (fitsNode(path, fullName)) flatten(inner, "", overrides);
    }
  };
  visit(content ?? {}, "");
}

/** "**" stands for any number of names, "*" for one; a bare name is one in the root namespace. */
function fitsNode(pattern: string, fullName: string): boolean {
  const names = pattern.replace(/^\//, "").split("/");
  const source = names.map((name) => (name === "**" ? "(/[^/]+)*" : `/${name.replaceAll("*", "[^/]+")}`)).join("");
  return new RegExp(`^${source}$`).test(fullName);
}

function flatten(value: unknown, name: string, overrides: Map<string, unknown>): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, name ? `${name}.${key}` : key, overrides);
  } else if (name) {
    overrides.set(name, value);
  }
}

function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new LatentloopError("ERR_FILE_UNREADABLE", `Expected a parameter file at ${file}: ${messageOf(cause)}.`, {
      cause,
    });
  }
  try {
    return parse(text, { logLevel: "error" }); // `ros2 launch` writes tags of Python, which mean nothing here
  } catch (cause) {
    throw new LatentloopError("ERR_SYNTAX", `Expected YAML in ${file}: ${messageOf(cause)}.`, { cause });
  }
}
