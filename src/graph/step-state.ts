import { elementCount, type Shape } from "../core/tensor.ts";
import { reshape } from "./operators/shape.ts";
import { split } from "./operators/slicing.ts";
import { type ParameterSpec, TARGET_PREFIX } from "./parameters.ts";
import type { Sym } from "./sym.ts";

/** Where a parameter lies inside a slot. */
export interface SlotPart {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
}

/**
 * One tensor that the optimiser updates: a parameter, or several small ones of a group end to end in a vector, so that
 * clipping and updating them costs few nodes.
 */
export interface Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly group: string;
  readonly decays: boolean;
  readonly tracked: boolean;
  readonly parts: readonly SlotPart[];
}

/** Up to this size the nodes that a separate update takes cost more time than copying the tensor into a vector and out. */
export const MAX_PACKED_ELEMENTS = 32768;

export interface SlotOptions {
  /** Parameters with a target copy. */
  readonly targets: ReadonlySet<string>;
  /** Groups whose tensors must stay apart, because they are clipped one by one. */
  readonly unpacked: ReadonlySet<string>;
  /** Groups under weight decay. */
  readonly decaying: ReadonlySet<string>;
}

/** Lays the parameters out in slots: large ones alone, small ones of equal treatment together. */
export function layOutSlots(specs: Iterable<ParameterSpec>, options: SlotOptions): Slot[] {
  const packs = new Map<string, ParameterSpec[]>();
  for (const spec of specs) {
    const matrices = decays(spec) && options.decaying.has(spec.group) ? "-matrices" : "";
    const tracked = options.targets.has(spec.name) ? "-tracked" : "";
    const kind = `${spec.group}/packed${matrices}${tracked}`;
    const alone = elementCount(spec.shape) > MAX_PACKED_ELEMENTS || options.unpacked.has(spec.group);
    const key = alone ? spec.name : kind;
    const pack = packs.get(key);
    if (pack) pack.push(spec);
    else packs.set(key, [spec]);
  }
  return [...packs].map(([key, pack]) => slotOf(pack.length === 1 ? pack[0]!.name : key, pack, options.targets));
}

function slotOf(name: string, pack: readonly ParameterSpec[], targets: ReadonlySet<string>): Slot {
  const first = pack[0]!;
  let offset = 0;
  const parts = pack.map((spec) => {
    const part = { name: spec.name, shape: spec.shape, offset };
    offset += elementCount(spec.shape);
    return part;
  });
  return {
    name,
    shape: pack.length === 1 ? first.shape : [offset],
    group: first.group,
    decays: decays(first),
    tracked: targets.has(first.name),
    parts,
  };
}

/** Weight decay is for matrices and kernels; biases and gains are vectors, or rows of them in an ensemble. */
function decays({ shape, fanIn }: ParameterSpec): boolean {
  return shape.length > 1 && fanIn > 1;
}

/** The parameters inside slot values, by name. */
export function unpackSlots(slots: readonly Slot[], values: readonly Sym[], prefix = ""): Map<string, Sym> {
  const parameters = new Map<string, Sym>();
  for (const [i, { parts }] of slots.entries()) {
    const value = values[i]!;
    if (parts.length === 1) parameters.set(prefix + parts[0]!.name, value);
    else {
      const pieces = split(
        value,
        parts.map((part) => elementCount(part.shape)),
        0,
      );
      for (const [j, part] of parts.entries()) parameters.set(prefix + part.name, reshape(pieces[j]!, part.shape));
    }
  }
  return parameters;
}

/** One tensor that a step takes as input `name` and returns as output `name` + NEXT_SUFFIX. Always float32. */
export interface StateTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly role: "parameter" | "target" | "optimizer" | "carried";
  /** Parameters inside, for roles parameter and target; empty for the others. */
  readonly parts: readonly SlotPart[];
  /** Start value of the roles optimizer and carried. */
  readonly initial: number;
}

export const NEXT_SUFFIX = ":next";

export function slotState(slot: Slot, role: "parameter" | "target"): StateTensor {
  const name = role === "target" ? TARGET_PREFIX + slot.name : slot.name;
  return { name, shape: slot.shape, role, parts: slot.parts, initial: 0 };
}

/** Start values of every state tensor: parameters and targets from the given values, the rest as declared. */
export function initialState(
  state: readonly StateTensor[],
  parameters: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const { name, shape, parts, initial } of state) {
    const data = new Float32Array(elementCount(shape)).fill(initial);
    for (const part of parts) {
      const start = parameters.get(part.name);
      if (start) data.set(start, part.offset);
    }
    values.set(name, data);
  }
  return values;
}

/** The parameters inside state values, by name, as views of the given arrays. */
export function borrowParameters(
  state: readonly StateTensor[],
  values: ReadonlyMap<string, Float32Array>,
  role: "parameter" | "target" = "parameter",
): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const tensor of state) {
    const data = tensor.role === role ? values.get(tensor.name) : undefined;
    if (!data) continue;
    for (const { name, shape, offset } of tensor.parts) {
      parameters.set(name, data.subarray(offset, offset + elementCount(shape)));
    }
  }
  return parameters;
}
