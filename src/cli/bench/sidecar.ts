import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { readRobot } from "../../config/robot-file.ts";
import { LATCHED_QOS } from "../../core/node.ts";
import { Samples } from "../../math/samples.ts";
import { launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { collectInSimulation } from "../collect/collect-in-simulation.ts";
import { waitFor } from "./kill/wait-for.ts";
import { openLiveModels } from "./live-models.ts";
import type { BenchOptions } from "./suite.ts";
import { figuresOf, WatchedLoop } from "./swap/watched-loop.ts";
import { Witnesses } from "./swap/witnesses.ts";

const SECONDS = 60;
const EPISODES = 16;
const PATIENCE_MS = 120_000;
const ROBOT = join(root, "calibration", "robots", "planar-reacher.yaml");
const IMAGE_SIZE = 64;

/**
 * The control loop without a trainer and beside one, and the trainer beside the loop and alone: what each costs the other.
 * All three follow one another in one run on one machine.
 */
export async function benchSidecar({ seconds = SECONDS, log }: BenchOptions): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-sidecar-"));
  const witnesses = await Witnesses.start();
  try {
    await prepare(folder, log);
    log(`${seconds} s of the loop without a trainer…`);
    const without = await measure(loopNodes(folder), folder, seconds, witnesses);
    log(`${seconds} s of the loop beside a trainer…`);
    const beside = await measure([...loopNodes(folder), trainerNode(folder, "beside")], folder, seconds, witnesses);
    log(`${seconds} s of the trainer alone…`);
    const alone = await measure([trainerNode(folder, "alone")], folder, seconds, witnesses);
    const [with_loop, by_itself] = [beside.training!, alone.training!];
    return {
      seconds,
      loop_without_trainer: without.loop,
      loop_beside_trainer: beside.loop,
      trainer_beside_loop: with_loop,
      trainer_alone: by_itself,
      throughput_share: Number((with_loop.updates_per_second / by_itself.updates_per_second).toFixed(3)),
    };
  } finally {
    await witnesses.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A live model, and recordings for the trainer. */
async function prepare(folder: string, log: (line: string) => void): Promise<void> {
  await openLiveModels(join(folder, "models"));
  await collectInSimulation({
    task: "reach",
    policy: { kind: "random" },
    policyText: "random",
    episodes: EPISODES,
    out: join(folder, "replay"),
    seed: 1,
    cameras: ["scene"],
    size: IMAGE_SIZE,
    imageRate: 30,
    minFreeMegabytes: 0,
    log,
    stopSignal: new AbortController().signal,
  });
}

interface Node {
  readonly name: string;
  readonly kind: string;
  readonly process?: string;
  readonly parameters: object;
}

function loopNodes(folder: string): Node[] {
  const model = join(folder, "models", "live");
  const robot = { task: "reach", imageSize: IMAGE_SIZE, episodeSeconds: 2 };
  return [
    { name: "robot", kind: "simulated-robot", parameters: robot },
    { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
    { name: "world_model", kind: "world-model", process: "model", parameters: { model, robot: ROBOT } },
    { name: "control", kind: "control", process: "control", parameters: { model, robot: ROBOT, allowedMisses: 8 } },
  ];
}

/** A run that is far longer than the measurement, so that all of it is the same kind of update. */
function trainerNode(folder: string, work: string): Node {
  const parameters = {
    models: join(folder, "models"),
    replay: join(folder, "replay"),
    folder: join(folder, work),
    newEpisodes: 1,
    followSeconds: 0.2,
    fineTuning: { updates: 1_000_000 },
    maxLoadPerCore: 1000, // what else runs on the machine is not to decide
  };
  return { name: "trainer", kind: "trainer", process: "trainer", parameters };
}

async function measure(nodes: readonly Node[], folder: string, seconds: number, witnesses: Witnesses) {
  const launch = parseStrict(launchSchema, { name: "sidecar bench", nodes }, "the sidecar bench");
  const host = await NodeHost.start(await resolveLaunch(launch, folder), { onLog: () => {} });
  try {
    const training = nodes.some(({ kind }) => kind === "trainer") ? await watchTraining(host) : undefined;
    const loop = nodes.some(({ kind }) => kind === "control")
      ? new WatchedLoop(host, await readRobot(ROBOT))
      : undefined;
    await loop?.arm();
    training?.begin();
    const watched = loop?.measure();
    for (let i = 0; i < seconds; i++) {
      await loop?.keepMoving();
      await sleep(1000);
    }
    return {
      loop: watched && figuresOf(watched, witnesses, host.context.clock.monotonicNs()),
      training: training?.figures(),
    };
  } finally {
    await host.stop();
  }
}

/** Follows the trainer's progress, from its first update on. */
async function watchTraining({ context }: NodeHost) {
  let newest = 0;
  let first = { updates: 0, ms: 0 };
  let said: { readonly state: string; readonly rate: number }[] = [];
  context.subscribe(
    "trainer/progress",
    "latentloop_msgs/msg/TrainingProgress",
    ({ updates, state, updates_per_second: rate }) => {
      newest = updates;
      said.push({ state, rate });
    },
    LATCHED_QOS,
  );
  await waitFor("the trainer's first updates", PATIENCE_MS, () => newest > 0);
  return {
    begin() {
      first = { updates: newest, ms: performance.now() };
      said = [];
    },
    figures() {
      const updates = newest - first.updates;
      const rates = new Samples(said.filter(({ state }) => state === "training").map(({ rate }) => rate));
      const yielding = said.filter(({ state }) => state === "yielding").length;
      return {
        updates,
        updates_per_second: Number((updates / ((performance.now() - first.ms) / 1e3)).toFixed(2)),
        /** Of the slices between its rests. */
        updates_per_second_at_work: rates.count > 0 ? Number(rates.mean.toFixed(2)) : null,
        yielding_share: Number((yielding / Math.max(1, said.length)).toFixed(3)),
      };
    },
  };
}
