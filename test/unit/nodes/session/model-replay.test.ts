import assert from "node:assert/strict";
import { test } from "node:test";
import { LatentloopError } from "../../../../src/core/errors.ts";
import type { LoadedBundle } from "../../../../src/inference/inference-engine.ts";
import type { PolicyEvent } from "../../../../src/messages/index.ts";
import type { FoundImage } from "../../../../src/nodes/session/image-finder.ts";
import { ModelReplay } from "../../../../src/nodes/session/model-replay.ts";
import type { ModelGraphs } from "../../../../src/nodes/world-model/graph-port.ts";
import { LoggedStep } from "../../../../src/nodes/world-model/logged-step.ts";
import { type ModelSetup, makePolicyStep } from "../../../../src/nodes/world-model/model-setup.ts";

const MS = 1e6;
const SETUP: ModelSetup = {
  modelHash: "abc",
  folder: "",
  seed: 3,
  budgetShare: 0.8,
  surpriseLimit: null,
  watchScene: false,
  placements: {},
  expectedNs: { mpc: 7 * MS },
};

/** Graphs that compute a little of everything they are given. @param endOf how the nth run of a plan ends */
function graphs(endOf: (run: number) => "done" | "late" | "failed"): ModelGraphs {
  const f = (length: number) => new Float32Array(length);
  const graph = (
    inputs: Record<string, Float32Array | Uint8Array>,
    outputs: Record<string, Float32Array>,
    end: () => "done" | "late" | "failed",
  ) => ({
    inputs,
    outputs,
    run: async () => {
      const status = end();
      if (status === "failed") throw new LatentloopError("ERR_INFERENCE_FAILED", "The graph failed.");
      if (status === "late") return { status };
      let sum = 0;
      for (const values of Object.values(inputs)) for (const value of values) sum = sum * 0.7 + value;
      for (const values of Object.values(outputs)) values.set(values.map((_, i) => Math.sin(sum + i)));
      return { status };
    },
  });
  let plans = 0;
  const done = () => "done" as const;
  return {
    encode: graph({ image_scene: new Uint8Array(12), proprioception: f(1) }, { embedding: f(2) }, done),
    observe: graph(
      { latent: f(3), action: f(1), embedding: f(2), is_first: f(1) },
      { latent_out: f(3), surprise: f(1) },
      done,
    ),
    plan: graph(
      { latent: f(3), in_flight_action: f(1), in_flight_fraction: f(1), previous_mean: f(4), noise: f(6) },
      { actions: f(4), value: f(1) },
      () => endOf(plans++),
    ),
  };
}

function bundleOf(own: ModelGraphs) {
  const manifest = { policyRateHz: 10, surpriseLimit: 2, action: { dimensions: [{ name: "elbow" }] } };
  return { manifest, modelHash: "abc", graphs: own } as unknown as LoadedBundle;
}

const imageOf = (step: number) => new Uint8Array(12).fill(step);

/** A short life of a model, as it was logged: beliefs, plans, one that is late, one that fails, a plan to go on from. @param spoilt observation that no belief comes of */
async function live(endOf: (run: number) => "done" | "late" | "failed", spoilt = Number.NaN): Promise<PolicyEvent[]> {
  const events: PolicyEvent[] = [];
  let nowNs = 1e12;
  const clock = { monotonicNs: () => (nowNs += 3 * MS), rosNs: () => BigInt(nowNs) };
  const own = graphs(endOf);
  const step = new LoggedStep(
    1n,
    clock,
    own,
    (event) => events.push(event),
    (ofStep, taped) => makePolicyStep(bundleOf(own), SETUP, ofStep, taped),
  );
  const observation = (i: number) => ({
    images: { scene: { width: 2, height: 2, data: imageOf(i), stampNs: BigInt(i), arrivalNs: nowNs } },
    proprioception: Float32Array.of(i === spoilt ? Number.NaN : i / 3),
    stampNs: BigInt(i),
    arrivalNs: nowNs,
  });
  const executed = (from: number, to: number, out: Float32Array) => out.fill(Math.cos(from + to));
  await step.believe(observation(0), nowNs - 40 * MS, executed);
  const plan = await step.run(observation(1), nowNs - 30 * MS, executed);
  step.continueFrom({ ...plan!, id: 40, actions: Float32Array.of(0.5, 0.25, 0, -0.25) });
  for (let i = 2; i < 8; i++) {
    nowNs += 60 * MS;
    await step.run(observation(i), nowNs - 30 * MS, executed).catch(() => {});
  }
  await new Promise(setImmediate);
  return events;
}

async function replay(events: readonly PolicyEvent[]) {
  const model = new ModelReplay(bundleOf(graphs(() => "done")), SETUP);
  const outcomes = [];
  for (const event of events) {
    const images: FoundImage[] = event.image_stamps.map(({ nanosec }) => ({
      width: 2,
      height: 2,
      data: imageOf(nanosec),
      checksum: 0,
    }));
    outcomes.push(await model.run(event, images));
  }
  return outcomes;
}

const ends = (run: number) => (run === 2 ? "late" : run === 4 ? "failed" : "done");

test("beliefs, plans, late and failed runs, and a change of plan come out the same from their log", async () => {
  const events = await live(ends);
  const outcomes = await replay(events);
  assert.equal(events.length, 9);
  for (const [i, { latentChecksum, plan, untaken }] of outcomes.entries()) {
    const event = events[i]!;
    assert.equal(untaken, 0);
    assert.equal(latentChecksum, event.latent_checksum, `event ${i}`);
    const bare = (message: PolicyEvent["plan"][number]) => ({
      ...message,
      header: 0,
      surprise: Math.fround(message.surprise),
      value: Math.fround(message.value),
    });
    assert.deepEqual(plan.map(bare), event.plan.map(bare));
  }
  assert.deepEqual(
    events.map(({ plan }) => plan.length),
    [0, 1, 1, 1, 0, 1, 0, 1, 1],
  );
  assert.deepEqual(
    events.flatMap(({ plan }) => plan.map(({ plan_id }) => Number(plan_id))),
    [1, 40, 41, 42, 43, 44],
  );
});

test("a belief that was not finite, and one that began anew after it, come out the same from their log", async () => {
  const events = await live(() => "done", 3);
  const outcomes = await replay(events);
  const checksums = events.map(({ latent_checksum }) => latent_checksum);
  assert.deepEqual(
    checksums.map((checksum) => checksum === 0),
    events.map((_, i) => i === 2 || i === 4), // the plan to go on from has no belief
  );
  assert.deepEqual(
    outcomes.map(({ latentChecksum }) => latentChecksum),
    checksums,
  );
  assert.ok(outcomes.every(({ plan, untaken }, i) => plan.length === events[i]!.plan.length && untaken === 0));
});

test("a step that takes more, or less, from outside than was logged says so", async () => {
  const events = await live(ends);
  const short = { ...events[0]!, graph_runs: [0] };
  await assert.rejects(replay([short]), { code: "ERR_SESSION_LOG", message: /runs of graphs/ });
  const long = { ...events[0]!, clock_ns: [5] };
  assert.equal((await replay([long]))[0]!.untaken, 1);
});
