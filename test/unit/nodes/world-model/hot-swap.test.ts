import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Logger } from "../../../../src/core/node.ts";
import type { Plan } from "../../../../src/core/plan.ts";
import type { ControlStatus } from "../../../../src/core/status.ts";
import { readManifest } from "../../../../src/inference/read-bundle.ts";
import { ModelsFolder } from "../../../../src/learning/models/models-folder.ts";
import type { ActingModel } from "../../../../src/nodes/world-model/acting-model.ts";
import { HotSwap, type SwappableLoop } from "../../../../src/nodes/world-model/hot-swap.ts";
import type { PolicyObserver } from "../../../../src/nodes/world-model/policy-loop.ts";
import { swapParameters } from "../../../../src/nodes/world-model/swap-parameters.ts";
import { plainPlan } from "../../../support/plain-plan.ts";
import { writeSampleBundle } from "../../../support/sample-bundle.ts";

const AT = "2026-01-02T03:04:05.678Z";
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const PLAN = plainPlan([[0.1, 0.1]], { surprise: 1, computeNs: 5e6 });

const GOOD: StepPlans = { live: PLAN, shadow: PLAN };

/** What the two models plan in a step; undefined is late. */
interface StepPlans {
  readonly live: Plan | undefined;
  readonly shadow: Plan | undefined;
}

/** A loop that only remembers who acts; its steps are told by the test. */
class ScriptedLoop implements SwappableLoop {
  live: ActingModel;
  shadow: ActingModel | undefined;
  observer: PolicyObserver | undefined;

  constructor(live: ActingModel) {
    this.live = live;
  }
  watch(observer: PolicyObserver): void {
    this.observer = observer;
  }
  async attachShadow(model: ActingModel): Promise<void> {
    this.shadow = model;
  }
  async detachShadow(): Promise<ActingModel | undefined> {
    const { shadow } = this;
    this.shadow = undefined;
    return shadow;
  }
  async exchange(): Promise<void> {
    [this.live, this.shadow] = [this.shadow!, this.live];
  }
}

/** A models folder whose bundle "old" is live, and "new" has passed the gates. */
async function rig(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), "latentloop-swap-"));
  t.after(() => rm(path, { recursive: true }));
  const models = new ModelsFolder(path);
  const refs = [];
  for (const [seed, name] of ["old", "new"].entries()) {
    const folder = await writeSampleBundle(t, {
      change(manifest) {
        manifest.training.seed = seed;
      },
    });
    await cp(folder, models.folderOf(name), { recursive: true });
    refs.push({ name, hash: (await readManifest(folder)).modelHash });
  }
  const [old, candidate] = refs as [(typeof refs)[0], (typeof refs)[0]];
  await models.promote(old, "test", AT);
  await models.record({ event: "judged", at: AT, model: candidate, live: old, passed: true, verdicts: [] });

  const closed: string[] = [];
  const modelOf = (hash: string) =>
    ({ bundle: { modelHash: hash }, close: async () => void closed.push(hash) }) as unknown as ActingModel;
  const loop = new ScriptedLoop(modelOf(old.hash));
  let nowNs = 0;
  const states: string[] = [];
  const swap = new HotSwap({
    loop,
    models,
    parameters: swapParameters.parse({ shadowSeconds: 1, watchSeconds: 2, limitedTest: { leastSeconds: 2 } }),
    clock: { monotonicNs: () => nowNs, rosNs: () => 1_767_323_045_678_000_000n },
    log: SILENT,
    surpriseWarn: 5,
    commandRateHz: 100,
    load: async (folder) => modelOf((await readManifest(folder)).modelHash),
    onState: (state) => states.push(state),
  });
  /** Time passes with ten good steps and a hundred ticks a second; the swap is looked after as in the node. */
  const pass = async (seconds: number, { live, shadow }: StepPlans = GOOD, status: ControlStatus = "tracking") => {
    for (let i = 0; i < 10 * seconds; i++) {
      nowNs += 1e8;
      for (let tick = 0; tick < 10; tick++) swap.figures.onTick(status, 0, "none");
      loop.observer!.onPlan(live);
      if (loop.shadow) loop.observer!.onShadowPlan(shadow, live);
      swap.tick();
      await swap.settled();
    }
  };
  const eventsOf = async () =>
    (await models.ledger()).events.slice(2).map(({ event, model }) => `${event} ${model.name}`);
  return { models, old, candidate, loop, swap, states, pass, closed, eventsOf };
}

test("a candidate that proves itself is loaded, shadowed, switched to, watched and kept, with the old one warm", async (t) => {
  const { models, candidate, loop, swap, states, pass, closed, eventsOf } = await rig(t);
  assert.equal((await swap.promote()).success, true);
  await swap.settled();
  await pass(4);
  assert.equal(loop.live.bundle.modelHash, candidate.hash);
  assert.equal((await models.live())?.name, "new");
  assert.deepEqual(states, ["loading", "shadow", "watching", "steady"]);
  assert.deepEqual(await eventsOf(), ["shadowed new", "promoted new", "kept new"]);
  assert.deepEqual(closed, []);
});

test("only the time in which the robot follows the candidate counts for its watch", async (t) => {
  const { candidate, loop, swap, states, pass, eventsOf } = await rig(t);
  await swap.promote();
  await swap.settled();
  await pass(1);
  assert.equal(loop.live.bundle.modelHash, candidate.hash);
  for (const status of ["disarmed", "holding", "halting"] as const) await pass(100, GOOD, status);
  assert.equal(states.at(-1), "watching");
  await pass(1.9);
  assert.equal(states.at(-1), "watching");
  await pass(0.1, GOOD, "coasting");
  assert.deepEqual(await eventsOf(), ["shadowed new", "promoted new", "kept new"]);
});

test("a watch that is over before its commands say anything is refused", () => {
  const { error } = swapParameters.safeParse({ watchSeconds: 5.9 });
  assert.deepEqual(
    error?.issues.map(({ path }) => path),
    [["watchSeconds"]],
  );
  assert.equal(swapParameters.safeParse({ watchSeconds: 6 }).success, true);
});

test("a candidate that is late in its shadow run never acts and is unloaded", async (t) => {
  const { models, old, candidate, loop, swap, pass, closed, eventsOf } = await rig(t);
  await swap.promote();
  await swap.settled();
  await pass(2, { live: PLAN, shadow: undefined });
  assert.equal(loop.live.bundle.modelHash, old.hash);
  assert.equal((await models.live())?.name, "old");
  assert.deepEqual(await eventsOf(), ["shadowed new"]);
  assert.deepEqual(closed, [candidate.hash]);
  assert.match((await swap.promote()).message, /tried before/);
});

test("a candidate that turns bad under watch is rolled back at once, with the figure in the ledger", async (t) => {
  const { models, old, candidate, loop, swap, pass, closed, eventsOf } = await rig(t);
  await swap.promote();
  await swap.settled();
  await pass(1.5);
  assert.equal(loop.live.bundle.modelHash, candidate.hash);
  await pass(0.8, { live: { ...PLAN, surprise: 9 }, shadow: PLAN });
  assert.equal(loop.live.bundle.modelHash, old.hash);
  assert.equal((await models.live())?.name, "old");
  assert.deepEqual(await eventsOf(), ["shadowed new", "promoted new", "rolled-back new"]);
  const last = (await models.ledger()).events.at(-1)!;
  assert.ok(last.event === "rolled-back" && /watch-surprise/.test(last.reason));
  assert.deepEqual(closed, [candidate.hash]);
});

test("a candidate that was rolled back and passes the gates again is not adopted by itself, but tried when it is asked for", async (t) => {
  const { models, old, candidate, loop, swap, pass, eventsOf } = await rig(t);
  await swap.adopt();
  await pass(1.5);
  await swap.rollBack();
  await models.record({ event: "judged", at: AT, model: candidate, live: old, passed: true, verdicts: [] });
  await swap.adopt();
  await swap.settled();
  assert.equal(swap.state, "steady");
  assert.equal((await swap.promote()).success, true);
  await swap.settled();
  await pass(4);
  assert.equal(loop.live.bundle.modelHash, candidate.hash);
  const again = ["judged new", "shadowed new", "promoted new", "kept new"];
  assert.deepEqual(await eventsOf(), ["shadowed new", "promoted new", "rolled-back new", ...again]);
});

test("an operator rolls back under watch, and later from the model that is still warm", async (t) => {
  const first = await rig(t);
  await first.swap.promote();
  await first.swap.settled();
  await first.pass(1.5);
  assert.equal((await first.swap.rollBack()).success, true);
  assert.equal(first.loop.live.bundle.modelHash, first.old.hash);

  const { swap, loop, old, pass, closed, eventsOf } = await rig(t);
  await swap.promote();
  await swap.settled();
  await pass(4);
  assert.equal((await swap.rollBack()).success, true);
  assert.equal(loop.live.bundle.modelHash, old.hash);
  assert.deepEqual((await eventsOf()).at(-1), "rolled-back new");
  assert.deepEqual(closed, []);
});

test("a candidate that changed after it was judged is refused, and so is one without a judgement", async (t) => {
  const { models, old, loop, swap } = await rig(t);
  await rm(models.folderOf("new"), { recursive: true });
  await cp(models.folderOf("old"), models.folderOf("new"), { recursive: true });
  await swap.promote();
  await swap.settled();
  assert.equal(loop.live.bundle.modelHash, old.hash);
  const last = (await models.ledger()).events.at(-1)!;
  assert.ok(last.event === "shadowed" && !last.passed && /changed/.test(last.verdicts[0]!.note));
});

test("while one candidate is on trial no other begins, and closing unloads what does not act", async (t) => {
  const { candidate, swap, closed } = await rig(t);
  await swap.promote();
  assert.equal((await swap.promote()).success, false);
  await swap.settled();
  await swap.close();
  assert.deepEqual(closed, [candidate.hash]);
});

test("when the ledger cannot be written the live model goes on and the candidate is dropped", async (t) => {
  const { models, old, loop, swap, pass } = await rig(t);
  await swap.promote();
  await swap.settled();
  models.record = async () => {
    throw new Error("no space left on device");
  };
  await pass(2);
  assert.equal(loop.live.bundle.modelHash, old.hash);
  assert.equal(swap.state, "steady");
});

test("a rollback takes effect also when the ledger cannot be written: the old model acts and is live at the next start", async (t) => {
  const { models, old, candidate, loop, swap, pass, closed } = await rig(t);
  await swap.promote();
  await swap.settled();
  await pass(1.5);
  models.record = async () => {
    throw new Error("no space left on device");
  };
  await pass(0.8, { live: { ...PLAN, surprise: 9 }, shadow: PLAN });
  assert.equal(loop.live.bundle.modelHash, old.hash);
  assert.equal((await models.live())?.name, "old");
  assert.deepEqual(closed, [candidate.hash]);
});

test("a candidate whose graphs fail on the last observations is refused and unloaded", async (t) => {
  const { models, old, candidate, loop, swap, closed } = await rig(t);
  loop.attachShadow = async () => {
    throw new Error("graph 'observe' failed");
  };
  await swap.promote();
  await swap.settled();
  assert.equal(loop.live.bundle.modelHash, old.hash);
  const last = (await models.ledger()).events.at(-1)!;
  assert.ok(last.event === "shadowed" && !last.passed && /observe/.test(last.verdicts[0]!.note));
  assert.deepEqual(closed, [candidate.hash]);
});
