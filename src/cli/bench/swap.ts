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
import { readManifest } from "../../inference/read-bundle.ts";
import type { ModelRef } from "../../learning/models/ledger.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import { launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import type { BenchOptions } from "./suite.ts";
import { COMMAND_RATE_HZ, figuresOf, WatchedLoop } from "./swap/watched-loop.ts";
import { Witnesses } from "./swap/witnesses.ts";

const SWAPS = 100;
/** Short phases: it is the switches that are measured. */
const SWAP = {
  shadowSeconds: 0.6,
  watchSeconds: 0.6,
  maxLateShare: 1,
  maxSurprisedShare: 1,
  maxLimitedIncrease: 1,
  limitedTest: { leastSeconds: 0.6 },
};
const TRAINER_NICENESS = 15;
/** The simulator shares the busy cores without priority: its delays are not what is measured here. */
const PATIENT = { maxJointStateAgeMs: 1000, maxObservationAgeMs: 2000 };
const ROBOT = join(root, "calibration", "robots", "planar-reacher.yaml");

/**
 * Swaps the model of a moving simulated arm back and forth while a trainer runs at low priority, and looks whether the
 * control loop noticed: missed ticks, lateness and command steps beside the same loop without swaps. Witnesses keep time
 * beside the loop, so that what the machine did to all of them can be told from what a swap did.
 *
 * The two models are one bundle under two manifests: what is measured is the switch, not the change of a model.
 */
export async function benchSwap({ seconds = 30, log }: BenchOptions): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-swap-"));
  const models = new ModelsFolder(join(folder, "models"));
  const [first, second] = [await storeVariant(models, "a", 1001), await storeVariant(models, "b", 1002)];
  await models.promote(first, "bench", new Date().toISOString());
  const trainer = await startTrainer(folder);
  const witnesses = await Witnesses.start();
  let host: NodeHost | undefined;
  try {
    host = await startLoop(models, log);
    const loop = new WatchedLoop(host, await readRobot(ROBOT));
    await loop.arm();
    log(`${seconds} s without swaps, beside a trainer at niceness ${TRAINER_NICENESS}…`);
    const watchedBefore = loop.measure();
    for (let i = 0; i < seconds; i++) {
      await loop.keepMoving();
      await sleep(1000);
    }
    const before = figuresOf(watchedBefore, witnesses, host.context.clock.monotonicNs());
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
      during_swaps: figuresOf(during, witnesses, host.context.clock.monotonicNs()),
      without_swaps: before,
    };
    for (const name of ["without_swaps", "during_swaps"] as const) log(`${name}: ${JSON.stringify(result[name])}`);
    return result;
  } finally {
    await host?.stop();
    await witnesses.stop();
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

async function startLoop(models: ModelsFolder, log: BenchOptions["log"]): Promise<NodeHost> {
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
      {
        name: "control",
        kind: "control",
        process: "control",
        parameters: { model, robot: ROBOT, allowedMisses: 8, safety: PATIENT },
      },
    ],
  };
  const launch = await resolveLaunch(parseStrict(launchSchema, description, "the swap bench"), root);
  return NodeHost.start(launch, { onLog: ({ node, message }) => node === "control" && log(message) });
}
