import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathExists } from "../../config/path-exists.ts";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { CurveFile, type CurvePoint } from "../../learning/run/curve.ts";
import { CHECKPOINT_FILE, CURVE_FILE } from "../../learning/run/training-run.ts";
import { trainOnTask } from "../../nodes/train-on-task.ts";
import { formatTable } from "../output.ts";
import { drawReturns } from "../plot/return-curve.ts";
import { untilStopped } from "../stop-signal.ts";
import { watchTraining } from "../training-view.ts";
import { CONTESTS, commandOf, folderOf, type LearningContest, RUNS, titleOf } from "./learn/contests.ts";
import { type ContestStanding, standingOf, tableOf } from "./learn/standing.ts";
import type { BenchOptions } from "./suite.ts";

const SEEDS = 3;
const EVALUATION_EPISODES = 10;
/** Ends of a run that say something of the run, and nothing of the runs after it. */
const ENDS_OF_ONE_RUN = ["ERR_TRAINING_STOPPED", "ERR_TRAINING_DIVERGED", "ERR_CHECKPOINT_MISMATCH"];

/**
 * `latentloop bench learn`: learning curves beside published returns, seed by seed, every contest once before the next seed.
 *
 * The whole of it takes many hours: a run that the time cuts off goes on at the next call, and finished ones are not repeated.
 * With no time at all it says how far the runs have come.
 */
export async function benchLearn({ seconds = 3600, count = SEEDS, log }: BenchOptions): Promise<object> {
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  const runs = seeds.flatMap((seed) => CONTESTS.map((contest) => ({ contest, seed })));
  await untilStopped(async (signal) => {
    for (const [i, { contest, seed }] of runs.entries()) {
      if (signal.aborted) break;
      await finishRun(contest, seed, { signal, log, title: `run ${i + 1} of ${runs.length}, ${titleOf(contest)}` });
    }
  }, seconds);
  await mkdir(RUNS, { recursive: true });
  const results: ContestStanding[] = [];
  for (const contest of CONTESTS) results.push(await standing(contest, seeds));
  log(formatTable(tableOf(results)));
  return { results, curves: RUNS };
}

interface RunOptions extends Pick<BenchOptions, "log"> {
  readonly title: string;
  readonly signal: AbortSignal;
}

/** Trains until the run is finished or the time is over. */
async function finishRun(contest: LearningContest, seed: number, { title, signal, log }: RunOptions): Promise<void> {
  const { algorithm, task, observation, steps } = contest;
  const folder = folderOf(contest, seed);
  const bundle = join(folder, "bundle");
  if (await pathExists(bundle)) return;
  const command = commandOf(contest, seed, EVALUATION_EPISODES);
  log(command);
  const view = watchTraining({ title: `${title}, seed ${seed}`, log, stripPath: join(folder, "imagined.png") });
  try {
    await trainOnTask({
      algorithm,
      task,
      observation,
      seed,
      steps,
      clock: systemClock(),
      folder,
      resume: await pathExists(join(folder, CHECKPOINT_FILE)),
      evaluationEpisodes: EVALUATION_EPISODES,
      bundle: { folder: bundle, name: `${task}-${algorithm}`, command },
      watcher: view,
      signal,
    });
  } catch (error) {
    if (!(error instanceof LatentloopError && ENDS_OF_ONE_RUN.includes(error.code))) throw error;
    log(`${folder}: ${error.message} ${error.remedy ?? ""}`);
  } finally {
    await view.stop();
  }
}

/** What the seeds reached so far, and their curves as files. */
async function standing(contest: LearningContest, seeds: readonly number[]): Promise<ContestStanding> {
  const curves = new Map<number, CurvePoint[]>();
  for (const seed of seeds) {
    const file = join(folderOf(contest, seed), CURVE_FILE);
    if (await pathExists(file)) curves.set(seed, await new CurveFile(file).read());
  }
  const { algorithm, task, observation, published } = contest;
  if (curves.size > 0) {
    await drawReturns(join(RUNS, titleOf(contest)), {
      title: `${algorithm} on ${task} from ${observation}`,
      runs: [...curves].map(([seed, curve]) => ({ name: `seed ${seed}`, curve })),
      published: { name: `published, ${published.steps / 1000} k`, meanReturn: published.meanReturn },
    });
  }
  return standingOf(contest, curves);
}
