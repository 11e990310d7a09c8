import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../../src/config/package-root.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { LATCHED_QOS } from "../../../src/core/node.ts";
import { readManifest } from "../../../src/inference/read-bundle.ts";
import type { TrainingProgress } from "../../../src/messages/index.ts";
import { launchSchema, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";
import { openTrainerSite } from "../../support/trainer-site.ts";

const PATIENCE_MS = 240_000;
const LONG = { timeout: 2 * PATIENCE_MS };
const site = await openTrainerSite();
after(() => site[Symbol.asyncDispose]());

/** The trainer in a process of its own, and what it says of itself. */
async function start(work: string, change: object = {}) {
  const parameters = site.parameters({ folder: join(site.folder, work), ...change });
  const nodes = [{ name: "trainer", kind: "trainer", process: "trainer", onFailure: "continue", parameters }];
  const launch = await resolveLaunch(parseStrict(launchSchema, { name: "test", nodes }, "the test"), root);
  const host = await NodeHost.start(launch, { onLog: () => {} });
  const heard: TrainingProgress[] = [];
  const keep = (progress: TrainingProgress): void => void heard.push({ ...progress });
  host.context.subscribe("trainer/progress", "latentloop_msgs/msg/TrainingProgress", keep, LATCHED_QOS);
  const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
    const untilMs = performance.now() + PATIENCE_MS;
    while (!(await holds())) {
      assert.ok(performance.now() < untilMs, `${what}: still ${JSON.stringify(heard.at(-1))}`);
      await sleep(20);
    }
  };
  return { host, heard, until, call: (name: string) => host.context.call(`trainer/${name}`, PATIENCE_MS) };
}

const lastEvent = async () => (await site.models.ledger()).events.at(-1);
let exact = "";

test(
  "it learns from a replay, says how, and its candidate passes the gates into the models folder",
  LONG,
  async (t) => {
    const { host, heard, until } = await start("whole");
    t.after(() => host.stop());
    await until("passed", () => heard.at(-1)?.fate === "passed");
    const event = await lastEvent();
    assert.ok(event?.event === "judged" && event.passed, JSON.stringify(event));
    exact = event.model.hash!;
    const { manifest } = await readManifest(site.models.folderOf(event.model.name));
    assert.equal(manifest.training.parent?.hash, site.live.hash);
    assert.equal(manifest.training.data[0]?.episodes, 9, "of twelve episodes three are held out");
    const trained = heard.at(-1)!;
    assert.equal(trained.live, site.live.hash);
    assert.equal(trained.episodes, 12);
    assert.ok(trained.figure_names.includes("loss") && Number.isFinite(trained.figures[0]));
    assert.equal(trained.curve.length, trained.curve_updates.length);
    assert.equal((await site.models.live())?.hash, site.live.hash, "nobody promoted it");
    await until("waiting", () => heard.at(-1)?.state === "waiting");
    assert.match(heard.at(-1)!.reason, /6 more episodes/);
    await host.stop();
    assert.deepEqual(await readdir(join(site.folder, "whole", "candidates")), [], "no bundle is left behind");
  },
);

test(
  "killed with SIGKILL in the middle of a run, it comes to the same weights as if it had not been",
  LONG,
  async (t) => {
    const name = `reach-keypoint-${exact.slice(0, 8)}`;
    const first = await start("killed", { checkpointSeconds: 1e-3 }); // after every slice, however fast
    t.after(() => first.host.stop());
    const checkpoint = () => readdir(join(site.folder, "killed")).catch(() => [] as string[]);
    await first.until("checkpoint", async () => (await checkpoint()).includes("run-1.safetensors"));
    process.kill(first.host.processIdOf("trainer")!, "SIGKILL");
    await first.host.stop();
    const again = await start("killed");
    t.after(() => again.host.stop());
    await again.until("done", () => again.heard.at(-1)?.proposed === 1);
    const state = JSON.parse(await readFile(join(site.folder, "killed", "trainer.json"), "utf8"));
    assert.deepEqual(
      [state.runs, state.candidates.map(({ hash }: { hash: string }) => hash)],
      [1, [exact]],
      `the bundle that the run without a kill came to: ${name}`,
    );
  },
);

test("it pauses when it is asked to, and goes on", LONG, async (t) => {
  const { host, heard, until, call } = await start("paused", { fineTuning: { updates: 100_000 } });
  t.after(() => host.stop());
  await until("training", () => (heard.at(-1)?.updates ?? 0) > 0);
  await call("pause");
  const paused = () => heard.filter(({ state }) => state === "paused").map(({ updates }) => updates);
  await until("paused", () => paused().length >= 8); // it says so once a second
  assert.ok(new Set(paused()).size <= 3, `only the slice that was under way ended: ${paused()}`);
  const updates = paused().at(-1)!;
  await call("resume");
  await until("going on", () => heard.at(-1)!.updates > updates);
});

test("it rests while the control loop's ticks are late", LONG, async (t) => {
  const { host, heard, until } = await start("yielding", { fineTuning: { updates: 100_000 } });
  t.after(() => host.stop());
  const publisher = host.context.publisher("control/tick", "latentloop_msgs/msg/Tick");
  const late = {
    header: { stamp: { sec: 0, nanosec: 0 }, frame_id: "" },
    tick: 1n,
    deadline_ns: 0,
    begin_ns: 9e6,
    command_ns: 9e6,
    status: 1,
    halt_cause: 0,
    rung: 0,
    limit_bits: 0,
    plan_id: 0n,
    model_hash: "",
    observation_stamp: { sec: 0, nanosec: 0 },
    joint_state_age_ns: 0,
    plan_age_ns: 0,
    requested: [],
    command: [],
    executed_action: [],
  };
  const timer = setInterval(() => publisher.publish(late), 100);
  t.after(() => clearInterval(timer));
  await until("yielding", () => heard.at(-1)?.state === "yielding");
  assert.equal(heard.at(-1)!.reason, "a tick of the control loop was late");
});

test("a run that is asked for begins without waiting for episodes", LONG, async (t) => {
  const { host, heard, until, call } = await start("asked", { newEpisodes: 1000 });
  t.after(() => host.stop());
  await until("waiting", () => /988 more/.test(heard.at(-1)?.reason ?? ""));
  await call("train_now");
  await until("a run", () => heard.at(-1)?.run === 1);
});

test("it needs a process of its own", async () => {
  const parameters = site.parameters();
  for (const nodes of [
    [{ name: "trainer", kind: "trainer", parameters }],
    ["trainer", "another"].map((name) => ({ name, kind: "trainer", process: "shared", parameters })),
  ]) {
    const description = parseStrict(launchSchema, { name: "test", nodes }, "the test");
    await assert.rejects(resolveLaunch(description, root), {
      code: "ERR_INVALID_VALUE",
      message: /process of its own/,
    });
  }
});
