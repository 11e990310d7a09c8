import assert from "node:assert/strict";
import { test } from "node:test";
import type { Observation } from "../../../../src/core/observation.ts";
import type { Plan } from "../../../../src/core/plan.ts";
import { Rng } from "../../../../src/core/rng.ts";
import { floats, type GraphPort, type ModelGraphs } from "../../../../src/nodes/world-model/graph-port.ts";
import { PolicyStep, type PolicyStepOptions } from "../../../../src/nodes/world-model/policy-step.ts";
import { type ExpectedNs, RungChoice } from "../../../../src/nodes/world-model/rung-choice.ts";
import { shiftPlan } from "../../../../src/nodes/world-model/shift-plan.ts";
import { ControlRig } from "../control/control-rig.ts";

const MS = 1e6;
const NOW_NS = 1000 * MS;

test("a plan shifted by a fraction of a step interpolates, and ends in zeros", () => {
  const plan = Float32Array.of(1, 10, 3, 30, 5, 50);
  assert.deepEqual([...shiftPlan(plan, 2, 0.5, new Float32Array(6))], [2, 20, 4, 40, 2.5, 25]);
  assert.deepEqual([...shiftPlan(plan, 2, 1, plan)], [3, 30, 5, 50, 0, 0]);
  assert.deepEqual([...shiftPlan(Float32Array.of(1, 2), 1, 7.5, new Float32Array(2))], [0, 0]);
});

test("the ladder steps down when a plan overran its budget and back up once the overrun is forgotten", () => {
  const choice = new RungChoice(["mpc", "mpc-short"]);
  assert.equal(choice.choose(50 * MS), "mpc");
  choice.record("mpc", 80 * MS);
  assert.equal(choice.choose(50 * MS), "mpc-short");
  let steps = 0;
  while (choice.choose(50 * MS) !== "mpc") assert.ok(++steps < 100);
});

test("the last rung is taken however slow it is", () => {
  const choice = new RungChoice(["mpc"]);
  choice.record("mpc", 500 * MS);
  assert.equal(choice.choose(50 * MS), "mpc");
});

const f = (length: number) => new Float32Array(length);

function graph(
  inputs: Record<string, Float32Array | Uint8Array>,
  outputs: Record<string, Float32Array>,
  run: () => void,
) {
  return {
    inputs,
    outputs,
    run: async () => {
      run();
      return { status: "done" as const };
    },
  };
}

/** Graphs whose latent counts observations and whose plan repeats what it was given. */
function scriptedGraphs(
  onPlan: (inputs: Record<string, Float32Array>) => void,
  planNs: (ns: number) => void,
): ModelGraphs {
  const encode = { image_scene: new Uint8Array(12), proprioception: f(1) };
  const observe = { latent: f(1), action: f(1), embedding: f(1), is_first: f(1) };
  const observed = { latent_out: f(1), surprise: f(1) };
  const plan = { latent: f(1), in_flight_action: f(1), in_flight_fraction: f(1), previous_mean: f(3), noise: f(6) };
  const planned = { actions: f(3), std: f(3), value: f(1) };
  return {
    encode: graph(encode, { embedding: f(1) }, () => {}),
    observe: graph(observe, observed, () => {
      observed.latent_out[0] = observe.is_first[0] === 1 ? 0 : observe.latent[0]! + 1;
      observed.surprise[0] = observe.action[0]!;
    }),
    plan: graph(plan, planned, () => {
      onPlan(plan);
      planned.actions.set([0.1, 0.2, 0.3]);
      planNs(20 * MS);
    }),
  };
}

/** Graphs of a policy of two actions that searches nothing. */
function actingGraphs(): ModelGraphs {
  const encode = { image_scene: new Uint8Array(12), proprioception: f(1) };
  const observe = { latent: f(1), action: f(2), embedding: f(1), is_first: f(1) };
  const acted = { action: Float32Array.of(0.5, 0.25) };
  return {
    encode: graph(encode, { embedding: f(1) }, () => {}),
    observe: graph(observe, { latent_out: f(1), surprise: f(1) }, () => {}),
    act: graph({ latent: f(1), noise: f(2) }, acted, () => {}),
  };
}

/** A step of a model that steps ten times a second; time stands still unless a clock is given. */
function stepOf(options: Pick<PolicyStepOptions, "graphs"> & Partial<PolicyStepOptions>): PolicyStep {
  return new PolicyStep({
    clock: { monotonicNs: () => NOW_NS, rosNs: () => BigInt(NOW_NS) },
    rng: new Rng(1),
    modelHash: "abc",
    stepPeriodNs: 100 * MS,
    actionDimension: 1,
    budgetShare: 0.8,
    ...options,
  });
}

/** What a camera and a joint saw then: a picture of one grey. */
function seenAt(arrivalNs: number, grey = 0): Observation {
  const image = { width: 2, height: 2, data: new Uint8Array(12).fill(grey), stampNs: 5n, arrivalNs };
  return { images: { scene: image }, proprioception: new Float32Array(1), stampNs: 5n, arrivalNs };
}

test("the latent is rolled forward by the measured delay and the warm start is shifted by the time that passed", async () => {
  let nowNs = NOW_NS;
  const seen: { fraction: number; inFlight: number; previous: number[]; latent: number }[] = [];
  const graphs = scriptedGraphs(
    (inputs) =>
      seen.push({
        fraction: inputs.in_flight_fraction![0]!,
        inFlight: inputs.in_flight_action![0]!,
        previous: [...inputs.previous_mean!].map((x) => Number(x.toFixed(4))),
        latent: inputs.latent![0]!,
      }),
    (ns) => {
      nowNs += ns;
    },
  );
  const newStep = (expectedNs: ExpectedNs) =>
    stepOf({ graphs, clock: { monotonicNs: () => nowNs, rosNs: () => BigInt(nowNs) }, expectedNs });
  let step = newStep({});
  const observe = (captureNs: number) =>
    step.run(seenAt(captureNs + 10 * MS), captureNs, (fromNs, toNs, out) =>
      out.fill((toNs - fromNs) / (100 * MS)),
    ) as Promise<Plan>;

  const first = await observe(nowNs - 30 * MS);
  assert.equal(first.startNs, 1000 * MS); // nothing measured yet: the plan is expected at once
  assert.equal(first.surprise, 0);
  assert.deepEqual(
    [...first.actions].map((x) => Number(x.toFixed(4))),
    [0.1, 0.2, 0.3],
  );
  nowNs += 80 * MS; // 1100 ms
  const second = await observe(nowNs - 30 * MS);
  assert.equal(second.startNs, 1120 * MS); // now the measured 20 ms are expected
  assert.equal(second.delayNs, 50 * MS);
  assert.deepEqual(
    seen.map(({ fraction, previous, latent }) => ({ fraction: Number(fraction.toFixed(3)), previous, latent })),
    [
      { fraction: 0.3, previous: [0, 0, 0], latent: 0 },
      { fraction: 0.5, previous: [0.22, 0.24, 0], latent: 1 },
    ],
  );
  assert.ok(
    Math.abs(second.surprise - 1) < 1e-6,
    "the executed action of the whole step between two captures enters the belief",
  );

  step = newStep(step.expectedNs);
  nowNs += 100 * MS;
  const third = await observe(nowNs - 30 * MS);
  assert.equal(third.surprise, 0);
  assert.equal(third.delayNs, 50 * MS); // what was measured before still counts
  assert.deepEqual(seen[2]!.previous, [0, 0, 0]);
});

test("a step that goes on from another model's plan starts its search there, counts on, and keeps its own belief", async () => {
  const seen: { previous: number[]; latent: number }[] = [];
  const graphs = scriptedGraphs(
    (inputs) => seen.push({ previous: [...inputs.previous_mean!], latent: inputs.latent![0]! }),
    () => {},
  );
  const step = stepOf({ graphs, translateSurprise: (surprise: number) => 3 * surprise });
  const observation = seenAt(NOW_NS);
  const executed = (_from: number, _to: number, out: Float32Array) => out.fill(0.5);
  assert.equal(await step.believe(observation, NOW_NS - 300 * MS, executed), 0);
  assert.equal(await step.believe(observation, NOW_NS - 200 * MS, executed), 1.5);
  step.continueFrom({ id: 41, actions: Float32Array.of(0.25, 0.5, 0.75, 1), startNs: NOW_NS - 100 * MS });
  const plan = await step.run(observation, NOW_NS - 100 * MS, executed);
  assert.equal(plan!.id, 42);
  assert.deepEqual(seen, [{ previous: [0.5, 0.75, 0], latent: 2 }]);
});

test("a scene that stays strange is more and more surprising, and no longer once it is as usual again", async () => {
  const painted = new Uint8Array(24);
  const decode = {
    inputs: { latent: new Float32Array(2) },
    outputs: { image_scene: painted },
    run: async () => ({ status: "done" as const }),
  };
  const quiet = scriptedGraphs(
    () => {},
    () => {},
  );
  const step = stepOf({
    graphs: { ...quiet, decode },
    scene: { reference: 0.5, warn: 1, surpriseAtWarn: 2, surpriseAtTwice: 6 },
  });
  const still = (_from: number, _to: number, out: Float32Array) => out.fill(0);
  let captureNs = NOW_NS;
  const surprise = async (pixel: number) => {
    const observation = seenAt(NOW_NS, pixel);
    const value = await step.believe(observation, (captureNs += 100 * MS), still);
    await step.reflect(observation);
    return value;
  };
  assert.equal(step.watchesScene, true);
  const strange: number[] = [];
  for (let i = 0; i < 10; i++) strange.push(await surprise(255));
  assert.deepEqual(strange, [0, 1, 2, 4, 6, 8, 10, 12, 14, 14]);
  const usual: number[] = [];
  for (let i = 0; i < 9; i++) usual.push(await surprise(0));
  assert.deepEqual(usual, [14, 12, 10, 8, 6, 4, 2, 1, 0]);
});

test("a policy that searches nothing keeps the robot moving while its plans come late, or some do not come", async () => {
  const rig = new ControlRig().running();
  rig.planner = undefined;
  const step = stepOf({
    graphs: actingGraphs(),
    actionDimension: 2,
    clock: { monotonicNs: () => rig.nowNs, rosNs: () => BigInt(rig.nowNs) },
  });
  const still = (_from: number, _to: number, out: Float32Array) => out.fill(0);
  for (const ticks of [10, 12, 11, 13, 10, 39, 10]) {
    const plan = await step.run(seenAt(rig.nowNs), rig.nowNs - 10 * MS, still);
    assert.equal(plan!.rung, "policy-prior");
    assert.ok(rig.plans.write(plan!, rig.nowNs));
    rig.run(ticks, () => assert.equal(rig.cause, "none"));
    assert.deepEqual(
      [rig.record.executedAction[0]!.toFixed(4), rig.record.executedAction[1]!.toFixed(4)],
      ["0.5000", "0.2500"],
    );
  }
  rig.run(60);
  assert.equal(rig.cause, "plan-stale");
});

test("a belief or a plan that is not finite fails its step and leaves nothing behind for the next", async () => {
  const seen: { isFirst: number; latent: number; previous: number[] }[] = [];
  const graphs = scriptedGraphs(
    ({ latent, previous_mean }) =>
      seen.push({
        isFirst: floats(graphs.observe.inputs, "is_first")[0]!,
        latent: latent![0]!,
        previous: [...previous_mean!],
      }),
    () => {},
  );
  let spoilt: Float32Array | undefined;
  const spoiling = (port: GraphPort): GraphPort => ({
    ...port,
    run: async () => {
      const run = await port.run();
      if (spoilt && Object.values(port.outputs).includes(spoilt)) spoilt[0] = Number.NaN;
      return run;
    },
  });
  const step = stepOf({ graphs: { ...graphs, observe: spoiling(graphs.observe), plan: spoiling(graphs.plan!) } });
  const still = (_from: number, _to: number, out: Float32Array) => out.fill(0);
  let captureNs = NOW_NS - 1000 * MS;
  const run = () => step.run(seenAt(NOW_NS), (captureNs += 100 * MS), still);
  await run();
  await run();
  spoilt = floats(graphs.observe.outputs, "latent_out");
  const message = /^Expected a finite belief of the model but it holds NaN\.$/;
  await assert.rejects(run(), { code: "ERR_GRAPH_OUTPUT", message });
  spoilt = floats(graphs.plan!.outputs, "actions");
  await assert.rejects(run(), { code: "ERR_GRAPH_OUTPUT", message: /finite plan/ });
  spoilt = undefined;
  const plan = await run();
  assert.equal(plan!.id, 3);
  const previous = [...Float32Array.of(0.1, 0.2, 0.3)];
  assert.deepEqual(seen, [
    { isFirst: 1, latent: 0, previous: [0, 0, 0] },
    { isFirst: 0, latent: 1, previous },
    { isFirst: 1, latent: 0, previous }, // begun anew: no plan was made from the belief before
    { isFirst: 0, latent: 1, previous },
  ]);
});
