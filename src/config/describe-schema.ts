import type { z } from "zod";
import { formatRange, type SchemaView, viewOf } from "./schema-view.ts";

/** One leaf of a schema: the row of the reference table, and what a ROS parameter descriptor is made from. */
export interface ParameterDescription {
  /** Keys joined by dots; `[]` stands for every item of a list, `<name>` for every key of a map. */
  readonly name: string;
  readonly type: "boolean" | "integer" | "number" | "string" | "list of numbers" | "list of strings" | "other";
  readonly nullable: boolean;
  readonly unit: string | undefined;
  /** Undefined when the user must give a value. */
  readonly default: unknown;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** The allowed values, when they are few. */
  readonly choices: readonly unknown[] | undefined;
  /** "1 … 500", "> 0", or the choices. */
  readonly range: string;
  readonly description: string;
  readonly readOnly: boolean;
}

/** Every leaf of a schema, in the order of its declaration. */
export function describeSchema(schema: z.ZodType): ParameterDescription[] {
  return leavesOf(viewOf(schema), "", undefined);
}

function leavesOf(view: SchemaView, name: string, groupDefault: unknown): ParameterDescription[] {
  const { anyOf, oneOf, ...outer } = view;
  const options = (oneOf ?? anyOf)?.filter((option) => option.type !== "null");
  const [only, ...others] = options ?? [];
  if (only && others.length === 0) {
    const group = only.properties ? [leaf(outer, name, view.default ?? groupDefault, true)] : [];
    const inner = leavesOf({ ...only, ...outer }, name, groupDefault);
    return [...group, ...inner.map((row) => ({ ...row, nullable: row.nullable || !only.properties }))];
  }
  if (options?.some((option) => option.properties)) {
    const leaves = options.flatMap((option) => leavesOf(option, name, undefined));
    return leaves.filter((row, i) => leaves.findIndex((other) => other.name === row.name) === i);
  }
  if (view.properties) {
    return Object.entries(view.properties).flatMap(([key, property]) => {
      const inherited = (groupDefault as Record<string, unknown> | undefined)?.[key];
      return leavesOf(property, name ? `${name}.${key}` : key, property.default ?? inherited);
    });
  }
  if (typeof view.additionalProperties === "object") {
    const { description } = view;
    return leavesOf({ ...(description && { description }), ...view.additionalProperties }, `${name}.<name>`, undefined);
  }
  if (view.items?.properties) return leavesOf(view.items, `${name}[]`, undefined);
  return [leaf(view, name, view.default ?? groupDefault)];
}

function leaf(view: SchemaView, name: string, defaultValue: unknown, nullable = false): ParameterDescription {
  const choices = view.enum ?? (view.const === undefined ? undefined : [view.const]);
  return {
    name,
    type: typeOf(view),
    nullable,
    unit: view.unit ?? view.items?.unit,
    default: defaultValue,
    minimum: view.minimum ?? view.exclusiveMinimum,
    maximum: view.maximum ?? view.exclusiveMaximum,
    choices,
    range: choices?.map((choice) => String(choice)).join(", ") ?? formatRange(view.items ?? view) ?? "",
    description: view.description ?? "",
    readOnly: view.readOnly ?? false,
  };
}

function typeOf(view: SchemaView): ParameterDescription["type"] {
  const [first] = view.enum ?? [view.const];
  const type = view.type ?? typeof first;
  if (type === "boolean" || type === "integer" || type === "number" || type === "string") return type;
  if (type !== "array") return "other";
  return view.items?.type === "string" ? "list of strings" : "list of numbers";
}
