import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../../../src/config/manifest.ts";
import { root } from "../../../src/config/package-root.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { CONTROL_STATUS, type ControlStatus } from "../../../src/core/status.ts";
import { readManifest } from "../../../src/inference/read-bundle.ts";
import { ModelsFolder } from "../../../src/learning/models/models-folder.ts";
import { launchSchema, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";

const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const PATIENCE_MS = 30_000;
const REACH = join(root, "models", "reach-keypoint");
const AT = "2026-01-02T03:04:05.678Z";
/** Wide enough for a machine that does other things as well. */
const SAFETY = { maxJointStateAgeMs: 400, maxObservationAgeMs: 1500, maxTickGapMs: 1000 };
const EASY = { maxLateShare: 1, maxLimitedIncrease: 1 };

interface PlanNote {
  readonly id: number;
  readonly model: string;
  readonly surprise: number;
}

let folder: string;
let models: ModelsFolder;
let host: NodeHost;
let status: ControlStatus = "disarmed";
let state = "";
let coasted = 0;
const plans: PlanNote[] = [];
const deadlines: number[] = [];

/** A bundle of the models folder: the reach model under another manifest, and so another hash. */
async function storeVariant(name: string, change: (manifest: Manifest) => void): Promise<string> {
  const target = models.folderOf(name);
  await cp(REACH, target, { recursive: true });
  const file = join(target, "manifest.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as Manifest;
  change(manifest);
  await writeFile(file, JSON.stringify(manifest));
  return (await readManifest(target)).modelHash;
}

/** Lets a variant pass the gates on paper: what is under test comes after them. */
async function propose(name: string, change: (manifest: Manifest) => void): Promise<string> {
  const hash = await storeVariant(name, change);
  const { name: liveName, hash: liveHash } = (await models.live())!;
  const live = { name: liveName, hash: liveHash };
  await models.record({ event: "judged", at: AT, model: { name, hash }, live, passed: true, verdicts: [] });
  return hash;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, `${what}: still ${status}, ${state}`);
    await sleep(10);
  }
}

const call = (service: string) => host.context.call(service, PATIENCE_MS);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentloop-hot-swap-"));
  models = new ModelsFolder(join(folder, "models"));
  const hash = await storeVariant("first", () => {});
  await models.promote({ name: "first", hash }, "test", AT);
  const model = join(models.path, "live");
  const robot = join(root, "calibration", "robots", "planar-reacher.yaml");
  const swap = { models: models.path, shadowSeconds: 1.5, watchSeconds: 1.5, ...EASY };
  const description = {
    name: "hot swap",
    nodes: [
      { name: "robot", kind: "simulated-robot", parameters: { task: "reach", imageSize: 64 } },
      { name: "camera_ingest", kind: "camera-ingest", parameters: { model, camera: "scene" } },
      { name: "world_model", kind: "world-model", parameters: { model, robot, swap } },
      { name: "control", kind: "control", parameters: { model, robot, allowedMisses: 8, safety: SAFETY } },
    ],
  };
  host = await NodeHost.start(await resolveLaunch(parseStrict(launchSchema, description, "the test"), root), {
    onLog: () => {},
  });
  const { context } = host;
  const latched = { reliability: "reliable", durability: "transient_local", depth: 1 } as const;
  context.subscribe("world_model/model_state", "std_msgs/msg/String", ({ data }) => void (state = data), latched);
  context.subscribe("plan", "latentloop_msgs/msg/Plan", ({ plan_id, model_hash, surprise }) =>
    plans.push({ id: Number(plan_id), model: model_hash, surprise }),
  );
  context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => {
    status = STATUSES[tick.status]!;
    if (status === "halting" || status === "holding") coasted++;
    deadlines.push(tick.deadline_ns);
  });
  await until("following", async () => {
    if (status !== "tracking") await call("control/arm");
    return status === "tracking";
  });
});

after(async () => {
  await host.stop();
  await rm(folder, { recursive: true });
});

test("a candidate takes over between two plans while the robot moves: no plan is missing and nothing halts", async () => {
  coasted = 0;
  plans.length = 0;
  const candidate = await propose("second", (manifest) => {
    manifest.training.seed = 1001;
  });
  const answer = await call("world_model/promote");
  assert.equal(answer.success, true, answer.message);
  await until("kept", async () => (await models.ledger()).events.at(-1)?.event === "kept");
  assert.equal(plans.at(-1)?.model, candidate);
  assert.equal((await models.live())?.name, "second");
  const ids = plans.map(({ id }) => id);
  assert.deepEqual(
    ids,
    ids.map((_, i) => ids[0]! + i),
  );
  const switches = plans.filter(({ model }, i) => i > 0 && model !== plans[i - 1]!.model);
  assert.equal(switches.length, 1);
  assert.ok(switches[0]!.surprise > 0, "its belief began before its first plan: a first observation surprises nobody");
  assert.equal(coasted, 0);
  assert.equal(state, `steady ${candidate}`);
});

test("a candidate that its own limit calls surprised is refused in the shadow run and never plans", async () => {
  const before = await models.live();
  const candidate = await propose("startled", (manifest) => {
    manifest.surpriseLimit = 1e-6;
  });
  plans.length = 0;
  await call("world_model/promote");
  await until("refused", async () => {
    const last = (await models.ledger()).events.at(-1)!;
    return last.event === "shadowed" && !last.passed;
  });
  assert.ok(plans.length > 0 && plans.every(({ model }) => model !== candidate));
  assert.deepEqual(await models.live(), before);
});

test("when the loop halts for want of good plans under watch, the old model is back by itself", async () => {
  const before = (await models.live())!;
  const candidate = await propose("third", (manifest) => {
    manifest.training.seed = 1002;
  });
  await call("world_model/promote");
  await until("watching", () => state.startsWith("watching"));
  await call("robot/stop_cameras");
  await until("rolled back", async () => (await models.ledger()).events.at(-1)?.event === "rolled-back");
  const last = (await models.ledger()).events.at(-1)!;
  assert.ok(last.event === "rolled-back" && /watch-halt/.test(last.reason), JSON.stringify(last));
  assert.deepEqual(await models.live(), before);
  await call("robot/heal");
  plans.length = 0;
  await until("planning", () => plans.length > 2);
  assert.ok(plans.every(({ model }) => model === before.hash && model !== candidate));
});

test("an operator rolls back to the model before, which is still warm", async () => {
  const answer = await call("world_model/rollback");
  assert.equal(answer.success, true, answer.message);
  assert.equal((await models.live())?.name, "first");
  const { hash } = (await models.live())!;
  await until("planning", () => plans.at(-1)?.model === hash);
});
