import { LatentloopError } from "../../core/errors.ts";
import { LEARNING_SYSTEMS } from "../index.ts";
import type { FineTuneOptions, FineTuner } from "./fine-tuner.ts";

/**
 * Begins, or goes on with, fine-tuning a live bundle by the learning system that made it.
 *
 * @throws ERR_NOT_TRAINABLE if its system cannot fine-tune or the bundle does not hold the weights
 * @throws ERR_REPLAY_EMPTY if there are no episodes to learn from; ERR_CHECKPOINT_MISMATCH if `resume` is of another run
 */
export async function openFineTuner(options: FineTuneOptions): Promise<FineTuner> {
  const { algorithm, name } = options.bundle.manifest;
  const system = LEARNING_SYSTEMS.find((candidate) => candidate.name === algorithm.name);
  if (system?.fineTune) return system.fineTune(options);
  const able = LEARNING_SYSTEMS.filter(({ fineTune }) => fineTune).map((candidate) => candidate.name);
  throw new LatentloopError(
    "ERR_NOT_TRAINABLE",
    `Expected a bundle that can be fine-tuned but ${name} was made by ${algorithm.name}, which cannot.`,
    { remedy: `Systems that fine-tune: ${able.join(", ")}.` },
  );
}
