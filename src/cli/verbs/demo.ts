import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { root } from "../../config/package-root.ts";
import { readConfig } from "../../config/read-config.ts";
import { systemClock } from "../../core/clock.ts";
import { Rng } from "../../core/rng.ts";
import { type Evaluation, evaluate } from "../../learning/run/evaluate.ts";
import { exploringPolicy } from "../../learning/run/rollout.ts";
import { type Launch, launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { trainFromScratch } from "../../nodes/train-on-task.ts";
import { openTrainingWorld } from "../../nodes/training-world.ts";
import { demonstrateStory } from "../demo/demonstrate-story.ts";
import { loopFigures, rounded, timingLines } from "../demo/loop-figures.ts";
import type { LoopMeasurements } from "../demo/loop-measurements.ts";
import { renderLoop } from "../demo/render-loop.ts";
import { type DemoResult, runDemo } from "../demo/run-demo.ts";
import { positive, positiveInteger } from "../flags.ts";
import { LiveView } from "../live-view.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";
import { untilStopped } from "../stop-signal.ts";
import { watchTraining } from "../training-view.ts";

interface DemoFlags {
  readonly task?: DemoTask;
  readonly episodes?: number;
  readonly model?: string;
  readonly fromScratch: boolean;
  readonly trainSeconds?: number;
  readonly out: string;
  readonly headless: boolean;
  readonly json: boolean;
}

/** Tasks of the demo: their launch files, and how long a model needs from nothing on two cores. */
const DEMOS = {
  "arm-reach": { launchFile: "demo.yaml", trainSeconds: 330 },
  reach: { launchFile: "demo-reach.yaml", trainSeconds: 180 },
} as const;
type DemoTask = keyof typeof DEMOS;
const EPISODES = 20;
const COMMAND_RATE_HZ = 100;
const RANDOM_EPISODES = 50;
const RANDOM_SEED = 9_000_000;

/** `latentloop demo`: the whole story, from a model that fails in a changed world to one that was tuned to it. `npm start` runs it. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "the whole story on the simulated arm: a model fails in a changed world, is trained further from what is recorded, passes its gates and takes over while the robot works",
    )
    .addOption(
      new Option(
        "--task <name>",
        "only the loop, without the story, in the world that the model was trained in; with --from-scratch reach by default",
      ).choices(Object.keys(DEMOS)),
    )
    .option("--episodes <n>", "targets of the loop without the story; by default 20", positiveInteger)
    .option("--model <folder>", "bundle to drive the arm with, without the story")
    .option("--from-scratch", "first collect data and train the model, before your eyes; then the loop", false)
    .option("--train-seconds <n>", "time for that; by default 180 for reach, 330 for arm-reach", positive)
    .option("--out <folder>", "where recordings and models go", "runs")
    .option("--headless", "no live view", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(demo);
}

async function demo(flags: DemoFlags): Promise<void> {
  const { task, episodes, model, fromScratch } = flags;
  const isShort = task !== undefined || episodes !== undefined || model !== undefined || fromScratch;
  await untilStopped(async (stop) => {
    if (isShort) await demonstrateLoop(flags, stop);
    else await demonstrateStory({ ...flags, out: resolve(flags.out), stop });
  });
}

/** The loop alone, in the world that its model was trained in. */
async function demonstrateLoop(flags: DemoFlags, stop: AbortSignal): Promise<void> {
  const { headless, json, episodes = EPISODES } = flags;
  const task = flags.task ?? (flags.fromScratch ? "reach" : "arm-reach");
  const folder = resolve(flags.out);
  const log = commentary(json || headless);
  const trained = flags.fromScratch
    ? await train(task, flags.trainSeconds ?? DEMOS[task].trainSeconds, folder, log, stop)
    : undefined;
  const model = trained ?? flags.model;
  const random = await scoreRandomPolicy(task);
  const launch = await demoLaunch(task, { folder, ...(model === undefined ? {} : { model }) });
  const { measured, recording } = await play(launch, { task, episodes, log, stop, live: !headless && !json });
  printResult(
    { task, ...loopFigures(measured), ...randomFigures(random), replay: recording },
    summaryOf(measured, random, recording),
    json,
  );
}

/** Node parameters that are paths: in the launch file they start at the package, on the command line where it was called. */
const PATHS = ["model", "robot", "folder"];

/** The launch file of a task with another model or another place for the recording. */
async function demoLaunch(task: DemoTask, replaced: Readonly<Record<string, string>>): Promise<Launch> {
  const folder = join(root, "launch");
  const description = await readConfig(launchSchema, join(folder, DEMOS[task].launchFile));
  const pathOf = (name: string, value: unknown) => {
    const given = replaced[name];
    return given === undefined ? resolve(root, String(value)) : resolve(given);
  };
  const nodes = description.nodes.map((node) => ({
    ...node,
    parameters: Object.fromEntries(
      Object.entries(node.parameters).map(([name, value]) => [
        name,
        PATHS.includes(name) ? pathOf(name, value) : value,
      ]),
    ),
  }));
  return resolveLaunch({ ...description, nodes }, folder);
}

async function train(
  task: DemoTask,
  budgetSeconds: number,
  folder: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  log(`Training a model for ${task} from nothing, ${budgetSeconds} s: random actions, then rounds with its own plans.`);
  const work = join(folder, `from-scratch-${task}-${new Date().toISOString().replace(/[:.]/g, "-")}`);
  const view = watchTraining({ title: "training", log, stripPath: join(work, "imagined.png") });
  try {
    await trainFromScratch({ task, clock: systemClock(), folder: work, watcher: view, signal, budgetSeconds });
  } finally {
    await view.stop();
  }
  log(`Imagined frames: ${join(work, "imagined.png")}`);
  return join(work, "bundle");
}

async function scoreRandomPolicy(task: string): Promise<Evaluation> {
  const world = await openTrainingWorld(task, { cameras: [], width: 1, height: 1 });
  try {
    return await evaluate(world, exploringPolicy(world, new Rng(RANDOM_SEED)), {
      episodes: RANDOM_EPISODES,
      seed: RANDOM_SEED,
    });
  } finally {
    world.close();
  }
}

interface PlayOptions {
  readonly task: string;
  readonly episodes: number;
  readonly log: (line: string) => void;
  readonly stop: AbortSignal;
  readonly live: boolean;
}

async function play(launch: Launch, { task, episodes, log, stop, live }: PlayOptions): Promise<DemoResult> {
  let view: LiveView | undefined;
  try {
    return await runDemo({
      launch,
      commandRateHz: COMMAND_RATE_HZ,
      episodes,
      stopSignal: stop,
      onLog: printLog(log, "problems"),
      onRunning(measured) {
        if (!live) return;
        const title = `latentloop · ${task} from camera images`;
        view = new LiveView(() => renderLoop(title, episodes, measured), process.stdout);
        view.start();
      },
      onEpisode({ episodes: done }) {
        const last = done.at(-1)!;
        if (view === undefined || !process.stdout.isTTY) {
          log(
            `episode ${done.length} of ${episodes}: return ${last.return.toFixed(1)}, ${last.success ? "reached" : "missed"}`,
          );
        }
      },
    });
  } finally {
    view?.stop();
  }
}

function randomFigures({ meanReturn, successRate }: Evaluation): object {
  return { random_return: rounded(meanReturn, 2), random_success_rate: rounded(successRate, 3) };
}

function summaryOf(measured: LoopMeasurements, random: Evaluation, replay: string): string {
  const { episodes } = measured;
  const successes = episodes.filter(({ success }) => success).length;
  return [
    "",
    `reached ${successes} of ${episodes.length} targets; random actions reach ${(100 * random.successRate).toFixed(0)} %`,
    `return ${measured.meanReturn.toFixed(1)}; random actions ${random.meanReturn.toFixed(1)}`,
    ...timingLines(measured),
    `recorded in ${replay}`,
  ].join("\n");
}
