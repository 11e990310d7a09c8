import { z } from "zod";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { type Checkpoint, loadCheckpoint } from "../optimization/checkpoint.ts";
import { otherRun } from "../optimization/other-run.ts";
import type { Weights } from "../optimization/step-runner.ts";

const JudgedPlace = z.strictObject({ meanReturn: z.number(), environmentSteps: z.int(), updates: z.int() });
const Extra = z.strictObject({ learner: z.record(z.string(), z.json()), best: JudgedPlace.nullable() });

/** The best weights so far, where the run stood with them and the return that they were judged by. */
export interface BestWeights {
  readonly place: z.infer<typeof JudgedPlace>;
  readonly weights: Weights;
}

const BEST_PREFIX = "best/";

/** The learner's own checkpoint and the best weights in one. */
export function runCheckpoint({ tensors, progress }: Checkpoint, best: BestWeights | undefined): Checkpoint {
  const kept = [...(best?.weights ?? [])].map(([name, data]): [string, Tensor] => [
    BEST_PREFIX + name,
    makeTensor("float32", [data.length], data),
  ]);
  const extra: z.infer<typeof Extra> = { learner: progress.extra, best: best?.place ?? null };
  return { tensors: new Map([...tensors, ...kept]), progress: { ...progress, extra } };
}

/** @throws ERR_CHECKPOINT_UNREADABLE; ERR_CHECKPOINT_MISMATCH if it is no training run's */
export async function loadRun(path: string): Promise<{ learner: Checkpoint; best: BestWeights | undefined }> {
  const { tensors, progress } = await loadCheckpoint(path);
  const { data: extra, success } = Extra.safeParse(progress.extra);
  if (!success) throw otherRun("a training run", "another one");
  const isBest = ([name]: [string, Tensor]) => name.startsWith(BEST_PREFIX);
  const bestWeights = [...tensors]
    .filter(isBest)
    .map(([name, { data }]): [string, Float32Array] => [name.slice(BEST_PREFIX.length), data as Float32Array]);
  return {
    learner: {
      tensors: new Map([...tensors].filter((entry) => !isBest(entry))),
      progress: { ...progress, extra: extra.learner },
    },
    best: extra.best ? { place: extra.best, weights: new Map(bestWeights) } : undefined,
  };
}
