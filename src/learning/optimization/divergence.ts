import { LatentloopError } from "../../core/errors.ts";

/** A checkpoint on disk, and the update that it was written after. */
export interface SavedCheckpoint {
  readonly path: string;
  readonly step: number;
}

/** How a run came to an end whose loss is no usable number any more. */
export interface Divergence {
  readonly step: number;
  readonly loss: number;
  /** Updates in a row that could not be used. */
  readonly inRow?: number;
  /** Written while all was well. */
  readonly last: SavedCheckpoint | undefined;
}

export function trainingDiverged(what: string, { step, loss, inRow, last }: Divergence): LatentloopError {
  const times = inRow === undefined ? "" : `, unusable ${inRow} times in a row`;
  const kept = last ? `the last good checkpoint is ${last.path} of step ${last.step}` : "no checkpoint was saved";
  return new LatentloopError(
    "ERR_TRAINING_DIVERGED",
    `Training of ${what} diverged at step ${step}: loss ${loss}${times}; ${kept}.`,
    {
      remedy:
        "Go on from the last good checkpoint with a lower learning rate, and check the data for values that are no numbers.",
    },
  );
}
