import { z } from "zod";

declare module "zod" {
  /** What a parameter's declaration adds to its zod type: `.meta({ description, unit, readOnly })`. */
  interface GlobalMeta {
    /** SI unit of the number, or of each element of an array. */
    unit?: string;
    /** Fixed once the node is configured. */
    readOnly?: boolean;
  }
}

/** The part of JSON Schema that our schemas come to: what tables, ROS descriptors and error sentences are made from. */
export interface SchemaView {
  readonly type?: "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";
  readonly description?: string;
  readonly unit?: string;
  readonly readOnly?: boolean;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: SchemaView;
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly additionalProperties?: SchemaView | boolean;
  readonly required?: readonly string[];
  readonly anyOf?: readonly SchemaView[];
  readonly oneOf?: readonly SchemaView[];
}

/** A schema as the user must fill it in: keys with a default are not required. */
export function viewOf(schema: z.ZodType): SchemaView {
  return withUnions(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })) as SchemaView;
}

/** Zod writes `type: ["string", "null"]` for some unions and `anyOf` for the others: one form is enough. */
function withUnions(view: unknown): unknown {
  if (Array.isArray(view)) return view.map(withUnions);
  if (typeof view !== "object" || view === null) return view;
  const { type, ...rest } = Object.fromEntries(Object.entries(view).map(([key, part]) => [key, withUnions(part)]));
  if (type === undefined) return rest;
  return Array.isArray(type) ? { ...rest, anyOf: type.map((option) => ({ type: option })) } : { ...rest, type };
}

/** The part of a schema at a path; unions are resolved by the constants (`kind: "mppi"`) that the value holds. */
export function viewAt(view: SchemaView, path: readonly PropertyKey[], value: unknown): SchemaView | undefined {
  const resolved = resolveUnion(view, value);
  const [key, ...rest] = path;
  if (key === undefined) return resolved;
  const additional = typeof resolved.additionalProperties === "object" ? resolved.additionalProperties : undefined;
  const next = typeof key === "number" ? resolved.items : (resolved.properties?.[String(key)] ?? additional);
  return next && viewAt(next, rest, valueAt(value, [key]));
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

function resolveUnion(view: SchemaView, value: unknown): SchemaView {
  const options = view.oneOf ?? view.anyOf;
  if (!options) return view;
  const fits = (option: SchemaView): boolean => {
    const constants = Object.entries(option.properties ?? {}).filter(([, property]) => property.const !== undefined);
    return constants.length > 0 && constants.every(([key, property]) => valueAt(value, [key]) === property.const);
  };
  return options.find(fits) ?? view;
}

/** Bounds that zod gives every whole number say nothing. */
const finiteBound = (bound: number | undefined): number | undefined =>
  bound !== undefined && Number.isSafeInteger(bound) && Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound;

/** "1 … 500", "> 0", "≤ 5": the numbers a schema allows, or undefined when it allows all. */
export function formatRange(view: SchemaView): string | undefined {
  const low = finiteBound(view.minimum);
  const high = finiteBound(view.maximum);
  if (low !== undefined && high !== undefined) return `${low} … ${high}`;
  const above = view.exclusiveMinimum !== undefined ? `> ${view.exclusiveMinimum}` : low !== undefined && `≥ ${low}`;
  const below = view.exclusiveMaximum !== undefined ? `< ${view.exclusiveMaximum}` : high !== undefined && `≤ ${high}`;
  return [above, below].filter(Boolean).join(" and ") || undefined;
}

const TYPE_WORDS = { integer: "a whole number", number: "a number", boolean: "true or false", null: "null" } as const;

/** What a schema asks for, as the end of the sentence "Expected …": "a number, 1 … 500 Hz". */
export function formatExpectation(view: SchemaView): string {
  const options = view.oneOf ?? view.anyOf;
  if (options) return options.map(formatExpectation).join(" or ");
  if (view.const !== undefined) return JSON.stringify(view.const);
  if (view.enum) return `one of ${view.enum.map((choice) => JSON.stringify(choice)).join(", ")}`;
  if (view.type === "array")
    return `a list${formatCount(view)}${view.items ? ` of items, each ${formatExpectation(view.items)}` : ""}`;
  if (view.type === "object") return "a group of keys";
  if (view.type === "string") {
    if (view.pattern) return `text that matches ${view.pattern}`;
    return view.minLength ? "text that is not empty" : "text";
  }
  if (view.type === undefined) return "another value";
  const range = formatRange(view);
  return [TYPE_WORDS[view.type], range && `${range}${view.unit ? ` ${view.unit}` : ""}`].filter(Boolean).join(", ");
}

function formatCount({ minItems, maxItems }: SchemaView): string {
  if (minItems !== undefined && minItems === maxItems) return ` with exactly ${minItems}`;
  const bounds = [minItems && `at least ${minItems}`, maxItems && `at most ${maxItems}`].filter(Boolean).join(" and ");
  return bounds && ` with ${bounds}`;
}
