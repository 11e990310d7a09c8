import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceOf, placeGraph } from "../../../src/inference/place-graph.ts";
import { type Placement, placementsFor } from "../../../src/inference/placement.ts";
import { encodeModel } from "../../support/onnx-model.ts";
import { sampleModel } from "../../support/sample-bundle.ts";

const cpu = (threads: number): Placement => ({ provider: "cpu", threads });
const signature = sampleModel("observe");
const REFERENCE_PAUSES = 1 + 3 + 15; // its session, warm and timed runs

/** Places the graph by a clock on which a run of the first placement takes a millisecond and one of the others so long. */
async function place(placements: Placement[], { insist = false, othersMs = 1 } = {}) {
  let [nowNs, pauses] = [0, 0];
  const clock = {
    rosNs: () => 0n,
    monotonicNs: () => (nowNs += pauses <= REFERENCE_PAUSES ? 1e6 : 1e6 * othersMs),
  };
  const onnx = encodeModel(signature);
  const pause = async () => void pauses++;
  const { session, report } = await placeGraph({ name: "observe", onnx, signature, placements, insist, clock, pause });
  await session.close();
  return { report, pauses };
}

for (const [othersMs, chosen, loser, reason] of [
  [0.5, cpu(2), cpu(1), "cpu × 2 is faster"],
  [0.95, cpu(1), cpu(2), "cpu × 1 is as fast or faster"],
  [2, cpu(1), cpu(2), "cpu × 1 is as fast or faster"],
] as const) {
  test(`of one thread and two that take ${othersMs} of its time, ${chosen.threads} are kept; the other has its figures and its reason`, async () => {
    const { report } = await place([cpu(1), cpu(2)], { othersMs });
    assert.deepEqual(report.placement, chosen);
    const figures = report.trials.map(({ placement, medianMs, rejection }) => [placement, medianMs, rejection]);
    const msOf = (placement: Placement) => (placement.threads === 1 ? 1 : othersMs);
    assert.deepEqual(figures, [
      [loser, msOf(loser), reason],
      [chosen, msOf(chosen), undefined],
    ]);
  });
}

test("a placement that was asked for is kept even when it is slower", async () => {
  const { report } = await place([cpu(1), cpu(3)], { insist: true, othersMs: 2 });
  assert.deepEqual(report.placement, cpu(3));
});

test("a rival that takes seconds a run is given up after its first one", async () => {
  const { report, pauses } = await place([cpu(1), cpu(2)], { othersMs: 4000 });
  assert.deepEqual(report.placement, cpu(1));
  assert.match(report.trials[0]!.rejection!, /took 4000 ms, over 10 times/);
  assert.equal(pauses, REFERENCE_PAUSES + 2);
});

test("a provider that cannot run falls back to the CPU and says why", async () => {
  const { report } = await place([cpu(1), { provider: "cuda", threads: 1 }], { insist: true });
  if (report.placement.provider === "cuda") return; // this machine has CUDA: nothing to fall back from
  assert.deepEqual(report.placement, cpu(1));
  assert.match(report.trials.find(({ placement }) => placement.provider === "cuda")!.rejection!, /cuda/);
});

test("auto weighs one CPU thread, several and every usable provider", () => {
  const { placements, insist } = placementsFor({ provider: "auto", threads: 0 }, ["cpu", "cuda", "webgpu"]);
  assert.equal(insist, false);
  assert.deepEqual(placements[0], cpu(1));
  assert.deepEqual(
    placements.slice(-2).map(({ provider }) => provider),
    ["cuda", "webgpu"],
  );
});

test("a provider or a number of threads that was named is kept to, as far as it is usable", () => {
  const webgpu: Placement = { provider: "webgpu", threads: 1 };
  const asked = { provider: "webgpu", threads: 0 } as const;
  assert.deepEqual(placementsFor(asked, ["cpu", "cuda", "webgpu"]), { placements: [cpu(1), webgpu], insist: true });
  assert.equal(placementsFor(asked, ["cpu"]).insist, false);
  assert.ok(placementsFor(asked, ["cpu"]).placements.every(({ provider }) => provider === "cpu"));
  const threads = placementsFor({ provider: "cpu", threads: 3 }, ["cpu", "webgpu"]);
  assert.deepEqual(threads, { placements: [cpu(3)], insist: false });
});

const floats = (...values: number[]) => ({ y: Float32Array.from(values) });

test("the difference is relative to the output's largest value", () => {
  assert.ok(Math.abs(differenceOf(floats(100, 0.1), floats(100, 0)) - 1e-3) < 1e-9);
  assert.equal(differenceOf(floats(1, 2), floats(1, 2)), 0);
});

test("a NaN on one side only is never within the tolerance", () => {
  assert.ok(!(differenceOf(floats(Number.NaN), floats(1)) <= 1e-3));
  assert.ok(!(differenceOf(floats(1), floats(Number.NaN)) <= 1e-3));
  assert.ok(!(differenceOf(floats(Number.POSITIVE_INFINITY), floats(1)) <= 1e-3));
  assert.equal(differenceOf(floats(Number.NaN), floats(Number.NaN)), 0);
});

test("one grey level of rounding is no difference, two are", () => {
  const image = (...values: number[]) => ({ image: Uint8Array.from(values) });
  assert.equal(differenceOf(image(10, 20), image(11, 20)), 0);
  assert.ok(differenceOf(image(10, 20), image(12, 20)) > 1e-3);
});
