import { reshape, type Step, type Sym, slice } from "../../graph/index.ts";
import type { ImageSyms, ModelSpaces } from "../../world-models/world-model.ts";
import { type SequenceSize, sequenceSpecs } from "./sequence-replay.ts";

/** A batch of sequences as symbolic tensors. Shapes: as `sequenceSpecs` */
export interface SequenceBatch {
  readonly images: ImageSyms;
  readonly proprioception: Sym | undefined;
  readonly action: Sym;
  readonly reward: Sym;
  readonly isFirst: Sym;
  readonly isLast: Sym;
  readonly isTerminal: Sym;
  readonly rewarded: Sym;
}

/** Declares the fields of a batch of sequences. */
export function sequenceFields(step: Step, spaces: ModelSpaces, size: SequenceSize): SequenceBatch {
  const fields = new Map(
    sequenceSpecs(spaces, size).map(({ name, shape, dtype }) => [name, step.field(name, shape, dtype)]),
  );
  const field = (name: string) => fields.get(name)!;
  return {
    images: Object.fromEntries(spaces.cameras.map(({ name }) => [name, field(`image_${name}`)])),
    proprioception: fields.get("proprioception"),
    action: field("action"),
    reward: field("reward"),
    isFirst: field("is_first"),
    isLast: field("is_last"),
    isTerminal: field("is_terminal"),
    rewarded: field("rewarded"),
  };
}

/** The first steps of a batch: those with images. */
export function firstSteps({ images, proprioception, ...rest }: SequenceBatch, length: number): SequenceBatch {
  const first = (x: Sym) => slice(x, 0, 0, length);
  const { action, reward, isFirst, isLast, isTerminal, rewarded } = rest;
  return {
    images,
    proprioception: proprioception && first(proprioception),
    action: first(action),
    reward: first(reward),
    isFirst: first(isFirst),
    isLast: first(isLast),
    isTerminal: first(isTerminal),
    rewarded: first(rewarded),
  };
}

/** All steps below each other: row t·B + b. Shapes: [T, B, ...] → [T·B, ...] */
export function mergeSteps(x: Sym): Sym {
  const [length, batch, ...rest] = x.shape as [number, number];
  return reshape(x, [length * batch, ...rest]);
}
