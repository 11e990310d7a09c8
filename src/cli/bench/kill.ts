import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { Samples } from "../../math/samples.ts";
import { launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { recoverBag } from "../../replay/recover.ts";
import { ReplayIndex } from "../../replay/replay-index.ts";
import { verifyBag } from "../../replay/verify.ts";
import { type Aftermath, KillableLoop, VICTIMS, type Victim } from "./kill/killable-loop.ts";
import { openLiveModels } from "./live-models.ts";
import type { BenchOptions } from "./suite.ts";

const KILLS = 100;
/** Wide enough for a machine that does other things as well: a plan may be missing for 0.8 s. */
const ALLOWED_MISSES = 8;
const SAFETY = { maxJointStateAgeMs: 400, maxObservationAgeMs: 1500, maxTickGapMs: 1000 };
/** A kill comes at a random moment of this long after the arm began to move. */
const SPREAD_MS = 2500;

export interface KillOptions extends BenchOptions {
  readonly seed?: number;
}

export interface KillReport {
  readonly kills: number;
  readonly processes: Readonly<Record<Victim, KillSummary>>;
  readonly replay: {
    readonly bags: number;
    readonly recovered: number;
    /** What is wrong with them after that. */
    readonly wrong: readonly string[];
    readonly episodes: number;
  };
  readonly ledger: {
    readonly events: number;
    readonly damaged: number;
    readonly judged: number;
    readonly live: string;
  };
}

export interface KillSummary {
  readonly kills: number;
  /** How often the arm came to rest, and how long after the kill. */
  readonly came_to_rest: number;
  readonly rest_ms?: { readonly p50: number; readonly max: number };
  /** How often the control loop brought it to rest. */
  readonly halted: number;
  /** How often the arm moved again before anybody armed it. */
  readonly moved_by_itself: number;
  /** From the kill until the arm, armed anew where it had halted, followed plans and the process did its work. */
  readonly back_ms: { readonly p50: number; readonly max: number };
}

/**
 * Kills the processes of a running simulated loop with SIGKILL at random moments, one after another, and looks what the
 * robot does, what is left on the disk, and whether everything comes back.
 *
 * The recorder, the world model and the trainer begin again by themselves. A robot that has lost its control loop stays at rest
 * until the launch is started again; it is disarmed then.
 */
export async function benchKill({ log, count = KILLS, seed = 1 }: KillOptions): Promise<KillReport> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-kill-"));
  const rng = new Rng(seed);
  const figures = new Map(VICTIMS.map((victim) => [victim, newFigures()]));
  let loop: KillableLoop | undefined;
  try {
    const models = await openLiveModels(join(folder, "models"));
    loop = await startLoop(folder);
    for (let i = 0; i < count; i++) {
      const victim = VICTIMS[i % VICTIMS.length]!;
      await loop.keepMoving(SPREAD_MS * rng.uniform());
      const before = loop.evidence();
      const beganMs = performance.now();
      const aftermath = await loop.kill(victim);
      if (victim === "control") {
        await loop.stop();
        loop = await startLoop(folder); // the one command
      } else {
        await loop.armed();
        await loop.running(victim, before);
      }
      note(figures.get(victim)!, aftermath, performance.now() - beganMs);
      log(`${i + 1} of ${count}: ${victim} ${JSON.stringify(aftermath)}`);
    }
    await loop.stop();
    loop = undefined;
    return {
      kills: count,
      processes: Object.fromEntries([...figures].map(([victim, figure]) => [victim, summary(figure)])) as Record<
        Victim,
        KillSummary
      >,
      replay: await inspectReplay(join(folder, "replay")),
      ledger: await inspectLedger(models),
    };
  } finally {
    await loop?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface KillFigures {
  /** From the kill until the arm's last motion. */
  readonly rest: Samples;
  /** From the kill until the arm followed plans and the process did its work again. */
  readonly back: Samples;
  halted: number;
  movedByItself: number;
}

function newFigures(): KillFigures {
  return { rest: new Samples(), back: new Samples(), halted: 0, movedByItself: 0 };
}

function note(figures: KillFigures, { restMs, halted, movedByItself }: Aftermath, backMs: number): void {
  if (restMs !== undefined) figures.rest.add(restMs);
  figures.back.add(backMs);
  if (halted) figures.halted++;
  if (movedByItself) figures.movedByItself++;
}

function summary({ rest, back, halted, movedByItself }: KillFigures): KillSummary {
  const ms = (samples: Samples) => ({ p50: Math.round(samples.percentile(0.5)), max: Math.round(samples.max) });
  return {
    kills: back.count,
    came_to_rest: rest.count,
    ...(rest.count > 0 ? { rest_ms: ms(rest) } : {}),
    halted,
    moved_by_itself: movedByItself,
    back_ms: ms(back),
  };
}

async function startLoop(folder: string): Promise<KillableLoop> {
  const model = join(folder, "models", "live");
  const robot = join(root, "calibration", "robots", "planar-reacher.yaml");
  const topics = [
    { name: "scene/image_raw", type: "sensor_msgs/msg/Image" },
    { name: "joint_states", type: "sensor_msgs/msg/JointState" },
    { name: "control/tick", type: "latentloop_msgs/msg/Tick" },
    { name: "episode", type: "latentloop_msgs/msg/EpisodeEvent" },
  ];
  const open = { tolerance: 1e6 };
  const trainer = {
    models: join(folder, "models"),
    replay: join(folder, "replay"),
    folder: join(folder, "trainer"),
    newEpisodes: 3,
    // It is to be killed at work, not at rest.
    yieldToLoop: false,
    maxLoadPerCore: 1000,
    niceness: 5,
    followSeconds: 0.5,
    checkpointSeconds: 1,
    fineTuning: { updates: 20 },
    gates: { latency: { maxPeriodShare: 1e6 }, "one-step": open, "k-step": open, reward: open },
  };
  const nodes = [
    { name: "robot", kind: "simulated-robot", parameters: { task: "reach", imageSize: 64, episodeSeconds: 1.5 } },
    { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
    { name: "world_model", process: "world_model", kind: "world-model", parameters: { model, robot } },
    // In a launch of one's own: stop. Here the arm is watched until it is at rest.
    {
      name: "control",
      process: "control",
      kind: "control",
      parameters: { model, robot, allowedMisses: ALLOWED_MISSES, safety: SAFETY },
      onFailure: "continue",
    },
    {
      name: "recorder",
      process: "recorder",
      kind: "recorder",
      parameters: { folder: trainer.replay, topics, minFreeMegabytes: 0 },
    },
    { name: "trainer", process: "trainer", kind: "trainer", parameters: trainer },
  ].map((node) => (node.process && !node.onFailure ? { ...node, onFailure: "restart" } : node));
  const launch = parseStrict(launchSchema, { name: "kill bench", nodes }, "the kill bench");
  return KillableLoop.start(await resolveLaunch(launch, root));
}

/** Makes every bag whole that a kill left open, and reads the episodes of all. */
async function inspectReplay(folder: string): Promise<KillReport["replay"]> {
  const names = await readdir(folder);
  const wrong: string[] = [];
  let recovered = 0;
  for (const name of names) {
    const bag = join(folder, name);
    if (!(await verifyBag(bag)).ok) {
      await recoverBag(bag);
      recovered++;
    }
    const { findings } = await verifyBag(bag);
    const errors = findings.filter(({ severity }) => severity === "error");
    wrong.push(...errors.map(({ where, what }) => `${name}, ${where}: ${what}`));
  }
  const index = await ReplayIndex.open(folder);
  const episodes = index.episodes.length;
  await index.close();
  return { bags: names.length, recovered, wrong, episodes };
}

async function inspectLedger(models: ModelsFolder): Promise<KillReport["ledger"]> {
  const { events, damaged } = await models.ledger();
  const live = await models.live();
  if (live?.hash === undefined || live.hash === null) {
    throw new LatentloopError("ERR_BENCH", `Expected a live model in ${models.path} after all kills.`);
  }
  return {
    events: events.length,
    damaged,
    judged: events.filter(({ event }) => event === "judged").length,
    live: live.name,
  };
}
