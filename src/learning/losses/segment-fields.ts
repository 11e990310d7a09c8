import type { Shape } from "../../core/tensor.ts";
import type { Step, Sym } from "../../graph/index.ts";
import type { ImageSyms, ModelSpaces } from "../../world-models/world-model.ts";
import type { SegmentSize } from "../episodes/segment-replay.ts";

/** Segments of episodes in a step graph. Shapes: as `SegmentReplay` fills them; no proprioception where there is none */
export interface SegmentBatch {
  readonly images: ImageSyms;
  readonly proprioception: Sym | undefined;
  readonly actions: Sym;
  readonly rewards: Sym;
}

/** Declares what `SegmentReplay` fills. */
export function segmentFields(
  step: Step,
  { cameras, proprioceptionSize, actionSize }: ModelSpaces,
  { batch, horizon, context = 0 }: SegmentSize,
): SegmentBatch {
  const frames = context + horizon + 1;
  const imageShape = (width: number, height: number): Shape => [frames, batch, height, width, 3];
  return {
    images: Object.fromEntries(
      cameras.map(({ name, width, height }) => [name, step.field(`image_${name}`, imageShape(width, height), "uint8")]),
    ),
    proprioception:
      proprioceptionSize > 0 ? step.field("proprioception", [frames, batch, proprioceptionSize]) : undefined,
    actions: step.field("actions", [horizon, batch, actionSize]),
    rewards: step.field("rewards", [horizon, batch]),
  };
}

/** Some of what the segments show. */
export function pickFrames(
  { images, proprioception }: Pick<SegmentBatch, "images" | "proprioception">,
  pick: (frames: Sym) => Sym,
): Pick<SegmentBatch, "images" | "proprioception"> {
  return {
    images: Object.fromEntries(Object.entries(images).map(([camera, image]) => [camera, pick(image)])),
    proprioception: proprioception && pick(proprioception),
  };
}
