import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { readRobot } from "../../config/robot-file.ts";
import { LatentloopError } from "../../core/errors.ts";
import { LATCHED_QOS } from "../../core/node.ts";
import type { RobotModel } from "../../core/robot.ts";
import { readManifest } from "../../inference/read-bundle.ts";
import type { ModelRef } from "../../learning/models/ledger.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import type { TickMessage } from "../../messages/index.ts";
import { launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { LoopMeasurements } from "../demo/loop-measurements.ts";
import { stolenMs } from "./control/stolen-time.ts";
import type { BenchOptions } from "./suite.ts";

const SWAPS = 100;
const COMMAND_RATE_HZ = 100;
/** Short phases: it is the switches that are measured. */
const SWAP = { shadowSeconds: 0.6, watchSeconds: 0.6, maxLateShare: 1, maxSurprisedShare: 1, maxLimitedIncrease: 1 };
const SWAP_PATIENCE_MS = 60_000;
const SERVICE_PATIENCE_MS = 30_000;
const TRAINER_NICENESS = 15;
const ROBOT = join(root, "calibration", "robots", "planar-reacher.yaml");
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/**
 * Swaps the model of a moving simulated arm back and forth while a trainer runs at low priority, and looks whether the
 * control loop noticed: missed ticks, lateness and command steps beside the same loop without swaps.
 *
 * The two models are one bundle under two manifests: what is measured is the switch, not the change of a model.
 */
export async function benchSwap({ seconds = 30, log }: BenchOptions): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-swap-"));
  const models = new ModelsFolder(join(folder, "models"));
  const [first, second] = [await storeVariant(models, "a", 1001), await storeVariant(models, "b", 1002)];
  await models.promote(first, "bench", new Date().toISOString());
  const trainer = await startTrainer(folder);
  let host: NodeHost | undefined;
  try {
    host = await startLoop(models);
    const loop = new WatchedLoop(host, await readRobot(ROBOT));
    await loop.arm();
    log(`${seconds} s without swaps, beside a trainer at niceness ${TRAINER_NICENESS}…`);
    const watchedBefore = loop.measure();
    for (let i = 0; i < seconds; i++) {
      await loop.keepMoving();
      await sleep(1000);
    }
    const before = figuresOf(watchedBefore);
    log(`${SWAPS} swaps…`);
    const during = loop.measure();
    const beganMs = performance.now();
    let kept = 0;
    for (let i = 0; i < SWAPS; i++) {
      await loop.keepMoving();
      if (await loop.swap(models, i % 2 === 0 ? [first, second] : [second, first])) kept++;
    }
    const swapSeconds = (performance.now() - beganMs) / 1e3 / SWAPS;
    const result = {
      swaps: SWAPS,
      kept,
      command_rate_hz: COMMAND_RATE_HZ,
      seconds_per_swap: Number(swapSeconds.toFixed(2)),
      during_swaps: figuresOf(during),
      without_swaps: before,
    };
    for (const name of ["without_swaps", "during_swaps"] as const) log(`${name}: ${JSON.stringify(result[name])}`);
    return result;
  } finally {
    await host?.stop();
    trainer.kill("SIGKILL");
    await once(trainer, "exit");
    await rm(folder, { recursive: true, force: true });
  }
}

/** The reach bundle under a manifest, and so a hash, of its own. */
async function storeVariant(models: ModelsFolder, name: string, seed: number): Promise<ModelRef> {
  const target = models.folderOf(name);
  await cp(join(root, "models", "reach-keypoint"), target, { recursive: true });
  const file = join(target, "manifest.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  manifest.training.seed = seed;
  await writeFile(file, JSON.stringify(manifest));
  return { name, hash: (await readManifest(target)).modelHash };
}

/** A real training run, far longer than the measurement, in a process that stands back. */
async function startTrainer(folder: string) {
  const program = fileURLToPath(new URL("../main.js", import.meta.url));
  const flags = ["train", "--algo", "keypoint", "--task", "reach", "--out", join(folder, "training"), "--json"];
  const trainer = spawn(process.execPath, [program, ...flags], { stdio: "ignore" });
  await once(trainer, "spawn");
  setPriority(trainer.pid!, TRAINER_NICENESS);
  return trainer;
}

async function startLoop(models: ModelsFolder): Promise<NodeHost> {
  const model = join(models.path, "live");
  const description = {
    name: "swap bench",
    nodes: [
      { name: "robot", kind: "simulated-robot", parameters: { task: "reach", imageSize: 64, episodeSeconds: 2 } },
      { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
      {
        name: "world_model",
        kind: "world-model",
        process: "model",
        parameters: { model, robot: ROBOT, swap: { models: models.path, ...SWAP } },
      },
      { name: "control", kind: "control", parameters: { model, robot: ROBOT, allowedMisses: 8 } },
    ],
  };
  const launch = await resolveLaunch(parseStrict(launchSchema, description, "the swap bench"), root);
  return NodeHost.start(launch, { onLog: () => {} });
}

interface Watched {
  readonly loop: LoopMeasurements;
  /** What the host of a virtual machine had taken when the counting began. */
  readonly stolenBeforeMs: number;
  /** Largest change of a command from tick to tick, as a share of what the acceleration limit permits. */
  largestStep: number;
  coastingTicks: number;
  haltedTicks: number;
  plans: number;
  missingPlans: number;
}

/** The running loop, measured from its messages. */
class WatchedLoop {
  readonly #host: NodeHost;
  readonly #largestSteps: readonly number[];
  #watched: Watched = newlyWatched();
  #state = "";
  #previous: Float64Array | undefined;
  #lastPlanId = 0n;

  constructor(host: NodeHost, { joints }: RobotModel) {
    this.#host = host;
    this.#largestSteps = joints.map(({ limits }) => limits.acceleration / COMMAND_RATE_HZ);
    const { context } = host;
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => this.#onTick(tick), TICK_QOS);
    context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => {
      this.#watched.loop.onPlan(plan);
      this.#watched.plans++;
      if (this.#lastPlanId > 0n) this.#watched.missingPlans += Number(plan.plan_id - this.#lastPlanId) - 1;
      this.#lastPlanId = plan.plan_id;
    });
    const listen = ({ data }: { data: string }) => void (this.#state = data);
    context.subscribe("world_model/model_state", "std_msgs/msg/String", listen, LATCHED_QOS);
  }

  /** Starts counting anew. */
  measure(): Watched {
    this.#watched = newlyWatched();
    return this.#watched;
  }

  async arm(): Promise<void> {
    const untilMs = performance.now() + SERVICE_PATIENCE_MS;
    for (;;) {
      const { success, message } = await this.#host.context.call("control/arm", SERVICE_PATIENCE_MS);
      if (success) return;
      if (performance.now() > untilMs) throw new LatentloopError("ERR_BENCH", `The loop cannot be armed: ${message}.`);
      await sleep(100);
    }
  }

  /** A new target, unless the arm is still on its way to one; and armed again after a halt. */
  async keepMoving(): Promise<void> {
    await this.#host.context.call("robot/start_episode", SERVICE_PATIENCE_MS);
    if (this.#watched.loop.status === "holding") await this.arm();
  }

  /** One swap to the end of its watch; says whether the new model stayed. */
  async swap(models: ModelsFolder, [live, next]: readonly [ModelRef, ModelRef]): Promise<boolean> {
    const acting = (await models.live())!.hash === live.hash ? [live, next] : [next, live];
    const candidate = acting[1]!;
    const at = new Date().toISOString();
    await models.record({ event: "judged", at, model: candidate, live: acting[0]!, passed: true, verdicts: [] });
    const { success, message } = await this.#host.context.call("world_model/promote", SERVICE_PATIENCE_MS);
    if (!success) throw new LatentloopError("ERR_BENCH", `The world-model node refused a swap: ${message}.`);
    const untilMs = performance.now() + SWAP_PATIENCE_MS;
    while (this.#state.startsWith("steady")) await sleepUntil(untilMs, "begin");
    while (!this.#state.startsWith("steady")) await sleepUntil(untilMs, "end");
    return this.#state === `steady ${candidate.hash}`;
  }

  #onTick(tick: TickMessage): void {
    const watched = this.#watched;
    watched.loop.onTick(tick);
    if (watched.loop.status === "coasting") watched.coastingTicks++;
    if (watched.loop.status === "halting" || watched.loop.status === "holding") watched.haltedTicks++;
    const command = Float64Array.from(tick.command);
    const previous = this.#previous;
    this.#previous = command;
    if (previous?.length !== command.length) return;
    for (const [i, largest] of this.#largestSteps.entries()) {
      watched.largestStep = Math.max(watched.largestStep, Math.abs(command[i]! - previous[i]!) / largest);
    }
  }
}

async function sleepUntil(untilMs: number, what: string): Promise<void> {
  if (performance.now() > untilMs) throw new LatentloopError("ERR_BENCH", `A swap did not ${what} in time.`);
  await sleep(5);
}

function newlyWatched(): Watched {
  const loop = new LoopMeasurements(COMMAND_RATE_HZ);
  return {
    loop,
    stolenBeforeMs: stolenMs(),
    largestStep: 0,
    coastingTicks: 0,
    haltedTicks: 0,
    plans: 0,
    missingPlans: 0,
  };
}

function figuresOf({ loop, stolenBeforeMs, largestStep, coastingTicks, haltedTicks, plans, missingPlans }: Watched) {
  const round = (value: number) => Number(value.toFixed(1));
  return {
    ticks: loop.ticks,
    missed_ticks: loop.missedTicks,
    stolen_ms: stolenMs() - stolenBeforeMs,
    lateness_us: {
      p50: round(loop.latenessUs.percentile(0.5)),
      p99: round(loop.latenessUs.percentile(0.99)),
      p99_9: round(loop.latenessUs.percentile(0.999)),
      max: round(loop.latenessUs.max),
    },
    plans,
    missing_plans: missingPlans,
    coasting_ticks: coastingTicks,
    halted_ticks: haltedTicks,
    largest_command_step_of_limit: Number(largestStep.toFixed(3)),
  };
}
