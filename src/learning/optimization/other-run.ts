import { LatentloopError } from "../../core/errors.ts";

/** A checkpoint that belongs to another run than the one that is to go on from it. */
export function otherRun(expected: string, received: string): LatentloopError {
  return new LatentloopError(
    "ERR_CHECKPOINT_MISMATCH",
    `Expected a checkpoint of ${expected} but received ${received}.`,
    { remedy: "Resume with the options that the run was started with, or start a new run in another folder." },
  );
}
