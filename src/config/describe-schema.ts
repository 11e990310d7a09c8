import type { z } from "zod";
import { formatRange, type SchemaView, viewOf } from "./schema-view.ts";

/** One leaf of a schema: the row of the reference table, and what a ROS parameter descriptor is made from. */
export interface ParameterDescription {
  /** Keys joined by dots; `[]` stands for every item of a list, `<name>` for every key of a map. */
  readonly name: string;
  readonly type:
    | "boolean"
    | "integer"
    | "number"
    | "string"
    | "list of numbers"
    | "list of strings"
    | "group"
    | "other";
  readonly nullable: boolean;
  readonly unit: string | undefined;
  /** Undefined when there is none. */
  readonly default: unknown;
  /** Whether the user must give a value, within its group. */
  readonly required: boolean;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** The allowed values, when they are few. */
  readonly choices: readonly unknown[] | undefined;
  /** "1 … 500", "> 0", or the choices. */
  readonly range: string;
  readonly description: string;
  readonly readOnly: boolean;
  /** The choice that brings the key, where a group comes in several kinds: "device: joy". */
  readonly variant?: string;
}

/** Where a part of a schema stands: what it inherits from the group around it. */
interface Position {
  readonly name: string;
  readonly default: unknown;
  readonly required: boolean;
}

/** Every leaf of a schema, in the order of its declaration. */
export function describeSchema(schema: z.ZodType): ParameterDescription[] {
  return leavesOf(viewOf(schema), { name: "", default: undefined, required: true });
}

function leavesOf(view: SchemaView, position: Position): ParameterDescription[] {
  if (view.anyOf || view.oneOf) return leavesOfUnion(view, position);
  if (view.properties) return leavesOfGroup(view, position);
  const inside = (name: string): Position => ({ name: `${position.name}${name}`, default: undefined, required: true });
  if (typeof view.additionalProperties === "object") {
    const { description } = view;
    const value = { ...(description && { description }), ...view.additionalProperties };
    return leavesOf(value, { ...inside(".<name>"), required: false });
  }
  if (view.items?.properties) return leavesOf(view.items, inside("[]"));
  return [leaf(view, position)];
}

function leavesOfGroup(view: SchemaView, { name: group, default: groupDefault }: Position): ParameterDescription[] {
  return Object.entries(view.properties ?? {}).flatMap(([key, property]) => {
    const name = group ? `${group}.${key}` : key;
    const inherited = (groupDefault as Record<string, unknown> | undefined)?.[key];
    const required = view.required?.includes(key) ?? false;
    const inside = { name, default: property.default ?? inherited, required };
    const leaves = leavesOf(property, inside);
    const mayBeAbsent = property.properties !== undefined && !required && inside.default === undefined;
    return mayBeAbsent ? [{ ...leaf(property, inside), type: "group" }, ...leaves] : leaves;
  });
}

/** A nullable thing is the thing itself; of several groups, the keys of each, with the choice that brings them. */
function leavesOfUnion({ anyOf, oneOf, ...outer }: SchemaView, position: Position): ParameterDescription[] {
  const options = [...(anyOf ?? []), ...(oneOf ?? [])].filter((option) => option.type !== "null");
  const [only, ...others] = options;
  if (only?.properties && others.length === 0) {
    return [{ ...leaf(outer, position), type: "group", nullable: true }, ...leavesOf(only, position)];
  }
  if (only && others.length === 0) {
    return leavesOf({ ...only, ...outer }, position).map((row) => ({ ...row, nullable: true }));
  }
  if (!options.some((option) => option.properties)) return [leaf(outer, position)];
  return options.flatMap((option) => {
    const variant = variantOf(option);
    return leavesOf(option, position).map((row) => ({ ...row, ...(variant !== undefined && { variant }) }));
  });
}

/** The keys of a group that have one value only. */
function variantOf({ properties = {} }: SchemaView): string | undefined {
  const fixed = Object.entries(properties).filter(([, { const: only }]) => only !== undefined);
  return fixed.length === 0 ? undefined : fixed.map(([key, { const: only }]) => `${key}: ${only}`).join(", ");
}

function leaf(view: SchemaView, { name, default: inherited, required }: Position): ParameterDescription {
  const choices = view.enum ?? (view.const === undefined ? undefined : [view.const]);
  const value = view.default ?? inherited;
  return {
    name,
    type: typeOf(view),
    nullable: false,
    unit: view.unit ?? view.items?.unit,
    default: value,
    required: required && value === undefined,
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
  if (view.items?.anyOf) return "other";
  return view.items?.type === "string" ? "list of strings" : "list of numbers";
}
