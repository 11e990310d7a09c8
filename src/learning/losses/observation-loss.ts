import { gather, reshape, type Sym, slice, square, sub, sum } from "../../graph/index.ts";
import type { ObservationNetworks } from "../../world-models/observation-networks.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";
import { reconstructionLoss } from "./reconstruction-loss.ts";

export interface ImageLossOptions {
  /** Images are reconstructed at every so manieth step of a sequence. */
  readonly decodeEvery: number;
  /** Sequences of a batch that are, by default all. */
  readonly painted?: number | undefined;
  /** As in `reconstructionLoss`. */
  readonly salience: number;
}

/** Squared error of the images, mean over the steps that are painted; undefined where there are none. Shapes: features [T·B, F] */
export function imageLoss(
  observation: ObservationNetworks,
  features: Sym,
  { images, isFirst }: Pick<SequenceBatch, "images" | "isFirst">,
  { decodeEvery, painted: rows, salience }: ImageLossOptions,
): Sym | undefined {
  if (Object.keys(images).length === 0) return undefined;
  const [length, batch] = isFirst.shape as [number, number];
  const count = Math.floor(length / decodeEvery);
  const steps = features.graph.constant(
    Array.from({ length: count }, (_, i) => (i + 1) * decodeEvery - 1),
    [count],
    "int64",
  );
  const some = (x: Sym) => {
    const now = decodeEvery === 1 ? x : gather(x, steps);
    return mergeSteps(rows === undefined || rows === batch ? now : slice(now, 1, 0, rows));
  };
  const painted = observation.decodeImages(some(reshape(features, [length, batch, -1])));
  const targets = Object.fromEntries(Object.entries(images).map(([name, image]) => [name, some(image)]));
  return reconstructionLoss(painted, targets, salience);
}

/** Squared errors of the squashed proprioception, summed over its elements. Shapes: [N, ...] → [N] */
export function sensedErrors(observation: ObservationNetworks, features: Sym, proprioception: Sym): Sym {
  const error = sub(observation.decodeProprioception(features)!, observation.squash(proprioception));
  return sum(square(error), 1);
}
