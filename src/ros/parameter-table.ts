import { parse } from "yaml";
import type { z } from "zod";
import { describeSchema, type ParameterDescription } from "../config/describe-schema.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { PARAMETER_TYPE } from "./rclnodejs.ts";
import { toSnakeCase } from "./snake-case.ts";

export type ParameterValue = boolean | bigint | number | string | ArrayLike<number | bigint> | readonly string[];

/** One ROS parameter, made from one leaf of a node's schema. */
export interface ParameterRow {
  /** As ROS knows it: "inference.cpu_threads". */
  readonly name: string;
  /** Keys in the node's own parameters: ["inference", "cpuThreads"]. */
  readonly path: readonly string[];
  readonly type: number;
  /** The value is YAML in a string: lists of maps, maps by name, and whatever ROS has no "not given" for. */
  readonly isYaml: boolean;
  readonly default: ParameterValue;
  readonly description: string;
  readonly range: string;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly readOnly: boolean;
}

const TYPES: Readonly<Record<Exclude<ParameterDescription["type"], "group">, number>> = {
  boolean: PARAMETER_TYPE.bool,
  integer: PARAMETER_TYPE.integer,
  number: PARAMETER_TYPE.double,
  string: PARAMETER_TYPE.string,
  "list of numbers": PARAMETER_TYPE.doubleArray,
  "list of strings": PARAMETER_TYPE.stringArray,
  other: PARAMETER_TYPE.string,
};
/** ROS has no null: these stand for "not given", which is the schema's default, or an error where there is none. */
const NOT_GIVEN: Readonly<Record<number, ParameterValue>> = {
  [PARAMETER_TYPE.double]: Number.NaN,
  [PARAMETER_TYPE.string]: "",
  [PARAMETER_TYPE.doubleArray]: [],
  [PARAMETER_TYPE.stringArray]: [],
};

/** The ROS parameters of a node: declared from its schema, read back as the object that the schema takes. */
export class ParameterTable {
  readonly rows: readonly ParameterRow[];
  readonly #schema: z.ZodType;

  constructor(schema: z.ZodType) {
    this.#schema = schema;
    const rows = describeSchema(schema).flatMap((leaf) => (leaf.type === "group" ? [] : [toRow(leaf, leaf.type)]));
    this.rows = rows.filter((row, i) => rows.findIndex(({ name }) => name === row.name) === i);
  }

  row(name: string): ParameterRow | undefined {
    return this.rows.find((row) => row.name === name);
  }

  /**
   * What differs from the defaults: those are the schema's own, and an optional group stays absent without more.
   * @throws ERR_SYNTAX for a YAML value that is none
   */
  toObject(values: ReadonlyMap<string, ParameterValue>): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const row of this.rows) {
      const given = values.get(row.name);
      const value = given === undefined || isSame(given, row.default) ? undefined : readValue(row, given);
      if (value !== undefined) place(object, row.path, value);
    }
    return object;
  }

  /**
   * As `toObject`, of values that the schema takes.
   * @throws ERR_INVALID_VALUE that names the parameter as ROS knows it
   */
  toValidObject(values: ReadonlyMap<string, ParameterValue>): Record<string, unknown> {
    const reason = this.refusal(
      values,
      this.rows.map(({ name }) => name),
    );
    if (reason !== undefined) throw new LatentloopError("ERR_INVALID_VALUE", reason);
    return this.toObject(values);
  }

  /** Why the schema refuses one of the changed values, as a sentence; undefined when it takes them all. */
  refusal(values: ReadonlyMap<string, ParameterValue>, changed: readonly string[]): string | undefined {
    let object: unknown;
    try {
      object = this.toObject(values);
    } catch (thrown) {
      return messageOf(thrown);
    }
    const issues = this.#schema.safeParse(object).error?.issues ?? [];
    for (const name of changed) {
      const row = this.row(name);
      if (row === undefined) continue;
      const issue = issues.find(({ path }) => row.path.every((key, i) => path[i] === key));
      if (issue === undefined) continue;
      const value = values.get(name);
      if (value === undefined || isSame(value, row.default))
        return `Expected a value for '${name}' but none was given.`;
      const expected = row.range || issue.message;
      return `Expected ${expected} for '${name}' but received ${formatValue(value)}.`;
    }
    return undefined;
  }
}

function toRow(leaf: ParameterDescription, leafType: keyof typeof TYPES): ParameterRow {
  const name = leaf.name.replace(/(\[\]|\.<name>).*$/, "");
  const hasInner = name !== leaf.name;
  const plain = hasInner ? PARAMETER_TYPE.string : TYPES[leafType];
  const needsNull = leaf.default === undefined || leaf.default === null;
  const isYaml = hasInner || leafType === "other" || (needsNull && NOT_GIVEN[plain] === undefined);
  const type = isYaml ? PARAMETER_TYPE.string : plain;
  const unit = leaf.unit === undefined ? "" : ` Unit: ${leaf.unit}.`;
  return {
    name: toSnakeCase(name),
    path: name.split("."),
    type,
    isYaml,
    default: needsNull || hasInner ? NOT_GIVEN[type]! : writeDefault(type, isYaml, leaf.default),
    description: `${leaf.description}${unit}${isYaml ? " YAML." : ""}`.trim(),
    range: hasInner ? "" : leaf.range,
    minimum: isYaml ? undefined : leaf.minimum,
    maximum: isYaml ? undefined : leaf.maximum,
    readOnly: leaf.readOnly,
  };
}

function writeDefault(type: number, isYaml: boolean, value: unknown): ParameterValue {
  if (isYaml) return JSON.stringify(value);
  return type === PARAMETER_TYPE.integer ? BigInt(value as number) : (value as ParameterValue);
}

/** @throws ERR_SYNTAX for a YAML value that is none */
function readValue(row: ParameterRow, value: ParameterValue): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "string") return row.isYaml ? readYaml(row.name, value) : value;
  return Array.from<string | number | bigint, string | number>(value, (item) =>
    typeof item === "bigint" ? Number(item) : item,
  );
}

function readYaml(name: string, text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new LatentloopError("ERR_SYNTAX", `Expected YAML in parameter '${name}': ${messageOf(cause)}.`, { cause });
  }
}

/**
 * A value of a launch file or the command line in the row's own type: 100 may stand for 100.0, a list for its YAML.
 * @throws ERR_INVALID_VALUE for one that has no place there
 */
export function coerce(row: ParameterRow, value: unknown): ParameterValue {
  if (row.isYaml) return typeof value === "string" ? value : JSON.stringify(value);
  const isList = Array.isArray(value);
  if (row.type === PARAMETER_TYPE.bool && typeof value === "boolean") return value;
  if (row.type === PARAMETER_TYPE.integer && Number.isInteger(value)) return BigInt(value as number);
  if (row.type === PARAMETER_TYPE.double && typeof value === "number") return value;
  if (row.type === PARAMETER_TYPE.string && !isList && typeof value !== "object") return String(value);
  if (row.type === PARAMETER_TYPE.doubleArray && isList && value.every((item) => typeof item === "number"))
    return value;
  if (row.type === PARAMETER_TYPE.stringArray && isList) return value.map(String);
  throw new LatentloopError(
    "ERR_INVALID_VALUE",
    `Expected ${typeName(row.type)} for parameter '${row.name}' but received ${JSON.stringify(value)}.`,
  );
}

export function typeName(type: number): string {
  const [name = `parameter type ${type}`] = Object.entries(PARAMETER_TYPE).find(([, number]) => number === type) ?? [];
  return name.replace("Array", " array");
}

function isSame(a: ParameterValue, b: ParameterValue): boolean {
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  return a.length === b.length && Array.from(a as ArrayLike<unknown>).every((item, i) => item === b[i]);
}

function place(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let inner = object;
  for (const key of path.slice(0, -1)) inner = (inner[key] ??= {}) as Record<string, unknown>;
  inner[path.at(-1)!] = value;
}

function formatValue(value: ParameterValue | undefined): string {
  return typeof value === "object" ? `[${Array.from(value as ArrayLike<unknown>).join(", ")}]` : String(value);
}
