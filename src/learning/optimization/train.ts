import type { StepReport, Trainer } from "./trainer.ts";

export interface TrainOptions {
  /** Step at which to stop; a resumed run does the rest. */
  readonly untilStep: number;
  readonly checkpoint?: { readonly path: string; readonly everySteps: number };
  readonly onStep?: (report: StepReport) => void;
  /** Ends the run after the current step, with a checkpoint if there is a path for one. */
  readonly signal?: AbortSignal;
}

/**
 * Trains until a step is reached or the signal asks to stop, saving on the way and at the end.
 * @throws ERR_TRAINING_DIVERGED, with the last good checkpoint named and untouched
 */
export async function train(trainer: Trainer, { untilStep, checkpoint, onStep, signal }: TrainOptions): Promise<void> {
  let saved = trainer.step;
  while (trainer.step < untilStep && !signal?.aborted) {
    for (const report of await trainer.advance()) onStep?.(report);
    if (checkpoint && trainer.healthy && trainer.step - saved >= checkpoint.everySteps) {
      await trainer.save(checkpoint.path);
      saved = trainer.step;
    }
  }
  if (checkpoint && trainer.healthy && trainer.step > saved) await trainer.save(checkpoint.path);
}
