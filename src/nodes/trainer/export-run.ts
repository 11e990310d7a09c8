import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import { exportCandidate, provenanceOf } from "../../learning/fine-tune/export-candidate.ts";
import { failure } from "../../learning/gates/gate.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { wallClock } from "../../learning/models/propose.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import type { TrainingRun } from "./training-run.ts";

export interface ExportOptions {
  readonly parameters: TrainerParameters;
  readonly models: ModelsFolder;
  readonly clock: Clock;
}

/**
 * Writes what a run has learned as a bundle.
 * @throws ERR_BUNDLE_WRITE if the disk does not take it; the ledger then says so, and nothing is left
 */
export async function exportRun(
  { number, tuner, bundle, fresh, old, heldOut, description }: TrainingRun,
  folder: string,
  { parameters, models, clock }: ExportOptions,
): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await exportCandidate(folder, {
      tuner,
      parent: bundle,
      recorded: { trained: fresh, heldOut },
      data: [provenanceOf(parameters.replay, fresh), ...(old ? [provenanceOf(parameters.old, old)] : [])],
      command: `trainer on ${parameters.replay}`,
      seed: description.seed,
      session: { threads: parameters.threads },
    });
  } catch (cause) {
    const name = `run ${number}`;
    const verdicts = [{ gate: "export", ...failure(messageOf(cause)) }];
    const at = wallClock(clock);
    await models.record({
      event: "judged",
      at,
      model: { name, hash: null },
      live: description.live,
      passed: false,
      verdicts,
    });
    if (cause instanceof LatentloopError) throw cause;
    throw new LatentloopError(
      "ERR_BUNDLE_WRITE",
      `The candidate of ${name} could not be written: ${messageOf(cause)}.`,
      {
        remedy: "Free disk space: the live model is untouched, and the next run tries again.",
        cause,
      },
    );
  }
}
