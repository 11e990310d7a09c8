import { access } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { CurveFile } from "../../learning/run/curve.ts";
import { trainOnTask } from "../../nodes/train-on-task.ts";
import { formatTable } from "../output.ts";
import { drawReturns } from "../plot/return-curve.ts";
import type { BenchOptions } from "./suite.ts";

/** A task to learn, and the mean return that was published for twice as many environment steps. */
interface LearningContest {
  readonly algorithm: string;
  readonly task: string;
  readonly steps: number;
  readonly publishedReturn: number;
}

/** Scores of TD-MPC2 from state after 100 k steps: means of 3 seeds, networks of 5 M parameters; arXiv:2310.16828, the authors' files. */
const CONTESTS: readonly LearningContest[] = [
  { algorithm: "td-mpc2", task: "cartpole-swingup", steps: 50_000, publishedReturn: 839 },
  { algorithm: "td-mpc2", task: "reacher-easy", steps: 50_000, publishedReturn: 937 },
  { algorithm: "td-mpc2", task: "finger-spin", steps: 50_000, publishedReturn: 948 },
  { algorithm: "td-mpc2", task: "walker-walk", steps: 50_000, publishedReturn: 962 },
];
const PUBLISHED_STEPS = 100_000;
const SEEDS = [1, 2, 3];
const EVALUATION_EPISODES = 10;
const FOLDER = join("runs", "learn");

/**
 * `latentloop bench learn`: learning curves beside published scores, seed by seed.
 *
 * The whole of it takes hours: a run that the time cuts off goes on at the next call, and finished ones are not repeated.
 */
export async function benchLearn({ seconds = 3600, log }: BenchOptions): Promise<object> {
  const signal = AbortSignal.timeout(1000 * seconds);
  for (const seed of SEEDS) {
    for (const contest of CONTESTS) await finishRun(contest, seed, signal, log);
  }
  const results = [];
  for (const contest of CONTESTS) results.push(await summarize(contest));
  log(
    formatTable([
      ["task", "steps", "returns by seed", "median", `published at ${PUBLISHED_STEPS / 1000} k`],
      ...results.map(({ task, steps, returns, median, publishedReturn }) => [
        task,
        `${steps}`,
        returns.map((value) => value.toFixed(0)).join(" "),
        median === undefined ? "–" : median.toFixed(0),
        `${publishedReturn}`,
      ]),
    ]),
  );
  return { results, curves: FOLDER };
}

/** Trains until the run is finished or the time is over. */
async function finishRun(
  { algorithm, task, steps }: LearningContest,
  seed: number,
  signal: AbortSignal,
  log: BenchOptions["log"],
): Promise<void> {
  const folder = folderOf(algorithm, task, seed);
  const bundle = join(folder, "bundle");
  if (signal.aborted || (await exists(bundle))) return;
  log(`${algorithm} on ${task}, seed ${seed}, ${steps} environment steps`);
  try {
    await trainOnTask({
      algorithm,
      task,
      seed,
      steps,
      clock: systemClock(),
      folder,
      resume: await exists(join(folder, "checkpoint.safetensors")),
      evaluationEpisodes: EVALUATION_EPISODES,
      bundle: {
        folder: bundle,
        name: `${task}-${algorithm}`,
        command: `latentloop train --algo ${algorithm} --task ${task} --steps ${steps} --seed ${seed} --episodes ${EVALUATION_EPISODES}`,
      },
      signal,
    });
  } catch (error) {
    if (!(error instanceof LatentloopError && error.code === "ERR_TRAINING_STOPPED")) throw error;
  }
}

/** What the seeds reached so far, and their curves as files. */
async function summarize({ algorithm, task, steps, publishedReturn }: LearningContest) {
  const returns: number[] = [];
  const runs = [];
  for (const seed of SEEDS) {
    const folder = folderOf(algorithm, task, seed);
    const file = join(folder, "curve.jsonl");
    if (await exists(file)) runs.push({ name: `seed ${seed}`, curve: await new CurveFile(file).read() });
    if (!(await exists(join(folder, "bundle")))) continue;
    const { manifest } = await readBundle(join(folder, "bundle"));
    returns.push(manifest.evaluation.find(({ metric }) => metric === "mean_return")!.value);
  }
  if (runs.length > 0) {
    await drawReturns(join(FOLDER, `${task}-${algorithm}`), {
      title: `${algorithm} on ${task}`,
      runs,
      published: { name: `published, ${PUBLISHED_STEPS / 1000} k`, meanReturn: publishedReturn },
    });
  }
  const median = returns.toSorted((a, b) => a - b)[Math.floor(returns.length / 2)];
  return { algorithm, task, steps, returns, median, publishedReturn };
}

function folderOf(algorithm: string, task: string, seed: number): string {
  return join(FOLDER, `${task}-${algorithm}-${seed}`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
