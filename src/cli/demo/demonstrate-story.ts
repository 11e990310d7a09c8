import { join } from "node:path";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { readManifest } from "../../inference/read-bundle.ts";
import { gatesSchema } from "../../learning/gates/index.ts";
import type { TrainingProgress } from "../../messages/index.ts";
import { LiveView } from "../live-view.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";
import { startProgress } from "../progress.ts";
import { loopFigures, rounded, timingLines } from "./loop-figures.ts";
import { type RunningStory, type StoryResult, tellStory } from "./story.ts";
import { layOutStory, type StoryFolder } from "./story-folder.ts";
import { renderStory } from "./story-view.ts";

export interface DemonstrateStoryOptions {
  /** Each run has a folder of its own below this one. */
  readonly out: string;
  readonly headless: boolean;
  readonly json: boolean;
  readonly stop: AbortSignal;
}

const TASK = "arm-reach";
const BUNDLE = join(root, "models", "arm-reach-keypoint");
const LAUNCH = join(root, "launch", "demo-shifted.yaml");
const COMMAND_RATE_HZ = 100;
const EPISODES = { before: 20, after: 30 };
const OLD_EPISODES = 160;
/** At ten policy steps a second: after the shadow run, within the watch. */
const DECAYS_AFTER = 120;
const PATIENCE_S = 180;
/** Steps in which the trainer's progress is told where there is no live view. */
const TOLD_SHARE = 0.1;

/** Tells the story on the terminal and sums it up. */
export async function demonstrateStory({ out, headless, json, stop }: DemonstrateStoryOptions): Promise<void> {
  const live = !headless && !json && process.stdout.isTTY;
  const log = commentary(json || headless);
  const folder = join(out, `demo-${new Date().toISOString().replace(/[:.]/g, "-")}`);
  log("First the old world: episodes from the simulator that the model was trained in, to be mixed with what comes.");
  const place = await layOut(folder);
  const { manifest } = await readManifest(BUNDLE);
  const nominal = manifest.evaluation.find(({ metric }) => metric === "success_rate_deployed")?.value ?? Number.NaN;
  let view: LiveView | undefined;
  let result: StoryResult;
  try {
    result = await tellStory({
      ...place,
      commandRateHz: COMMAND_RATE_HZ,
      stopSignal: stop,
      episodes: EPISODES,
      // The machine runs the whole loop and a trainer beside it: what is judged here is the model.
      gates: parseStrict(gatesSchema, { latency: { maxPeriodShare: 2 } }, "the demo's gates"),
      decaysAfter: DECAYS_AFTER,
      patienceS: PATIENCE_S,
      onLog: printLog((line) => live || log(line), "problems"),
      watcher: {
        onRunning(story: RunningStory) {
          if (!live) return;
          view = new LiveView(() => renderStory(`latentloop · ${TASK} from camera images`, story), process.stdout);
          view.start();
        },
        onTrainer: live ? () => {} : tellTrainer(log),
        onStage: (sentence) => live || log(sentence),
        onEpisode: ({ episode, success, return: total }) =>
          live || log(`  episode ${episode + 1}: return ${total.toFixed(1)}, ${success ? "reached" : "missed"}`),
      },
    });
  } finally {
    view?.stop();
  }
  printResult(figuresOf(result, nominal, folder), summaryOf(result, nominal, folder), json);
}

/** A line whenever the trainer does something else, or has done another tenth of its run. */
function tellTrainer(log: (line: string) => void): (progress: TrainingProgress) => void {
  let told = "";
  return ({ state, run, progress }) => {
    const tenths = Math.floor(progress / TOLD_SHARE);
    if (!["training", "exporting", "judging"].includes(state) || told === `${state} ${run} ${tenths}`) return;
    told = `${state} ${run} ${tenths}`;
    log(`  trainer: ${state}${state === "training" ? `, ${(100 * progress).toFixed(0)} % of run ${run}` : ""}`);
  };
}

async function layOut(folder: string): Promise<StoryFolder> {
  const progress = startProgress("old world", OLD_EPISODES);
  try {
    return await layOutStory({
      launchFile: LAUNCH,
      bundle: BUNDLE,
      task: TASK,
      folder,
      oldEpisodes: OLD_EPISODES,
      onOldEpisode: (done) => progress.update(done),
    });
  } finally {
    progress.stop();
  }
}

function figuresOf(story: StoryResult, nominal: number, folder: string): object {
  const { before, after, measured } = story;
  return {
    task: TASK,
    success_nominal: rounded(nominal, 3),
    success_before: rounded(before.success, 3),
    success_after: rounded(after.success, 3),
    gap_recovered: rounded((after.success - before.success) / (nominal - before.success), 3),
    return_before: rounded(before.meanReturn, 2),
    return_after: rounded(after.meanReturn, 2),
    episodes_before: before.episodes,
    episodes_after: after.episodes,
    candidates: story.candidates,
    refused: story.refused,
    swaps: story.swaps,
    rollbacks: story.rollbacks,
    ...loopFigures(measured),
    replay: story.recording,
    models: join(folder, "models"),
  };
}

function summaryOf(story: StoryResult, nominal: number, folder: string): string {
  const { before, after, candidates, refused, swaps, rollbacks } = story;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  return [
    "",
    `success ${percent(before.success)} before, ${percent(after.success)} after; ${percent(nominal)} in the world that the model was trained in`,
    `return ${before.meanReturn.toFixed(1)} before, ${after.meanReturn.toFixed(1)} after`,
    `${count(candidates, "candidate")}: ${refused} refused, ${count(swaps, "swap")}, ${count(rollbacks, "rollback")}`,
    ...timingLines(story.measured),
    `recorded in ${story.recording}`,
    `every candidate and its fate: latentloop models history --models ${join(folder, "models")}`,
  ].join("\n");
}
