import assert from "node:assert/strict";
import { test } from "node:test";
import type { TensorData } from "../../../src/core/tensor.ts";
import {
  type BatchPlan,
  type BatchSource,
  type BatchStream,
  batchRng,
  inlineBatches,
} from "../../../src/learning/optimization/batches.ts";
import { prefetchBatches } from "../../../src/learning/optimization/prefetch.ts";
import { createBatchSource } from "./counting-batches.ts";

const plan: BatchPlan = {
  specs: [
    { name: "image", shape: [2, 3], dtype: "uint8" },
    { name: "noise", shape: [4], dtype: "float32", noise: "normal" },
    { name: "mask", shape: [2], dtype: "float32", noise: "uniform" },
  ],
  stepsPerRun: 1,
  seed: 11,
  firstIndex: 0,
};
const location = { module: new URL("./counting-batches.js", import.meta.url), options: { offset: 100 } };

async function take(stream: BatchStream, count: number): Promise<Record<string, number[]>[]> {
  const taken: Record<string, number[]>[] = [];
  for (let i = 0; i < count; i++) {
    const arrays = Object.entries(await stream.next());
    taken.push(
      Object.fromEntries(arrays.map(([name, data]: [string, TensorData]) => [name, Array.from(data, Number)])),
    );
  }
  await stream.close();
  return taken;
}

const inline = (changes: Partial<BatchPlan> = {}) =>
  inlineBatches(createBatchSource({ offset: 100 }), { ...plan, ...changes });

test("a batch thread hands out the same batches in the same order as the calling thread would", async () => {
  for (const depth of [1, 2, 5]) {
    assert.deepEqual(await take(prefetchBatches(location, plan, depth), 7), await take(inline(), 7));
  }
});

test("a run that starts at batch 3 gets what a run from the start gets as its fourth batch", async () => {
  assert.deepEqual(await take(inline({ firstIndex: 3 }), 2), (await take(inline(), 5)).slice(3));
});

test("batches for a K-step loop are the single batches, stacked", async () => {
  const singles = await take(inline(), 6);
  const stacked = await take(inline({ stepsPerRun: 3 }), 2);
  for (const name of ["image", "noise", "mask"]) {
    assert.deepEqual(
      stacked.flatMap((batch) => batch[name]!),
      singles.flatMap((batch) => batch[name]!),
    );
  }
});

test("noise differs between batches and seeds, and is what its spec says", async () => {
  const [first, second] = await take(inline(), 2);
  const [other] = await take(inline({ seed: 12 }), 1);
  assert.notDeepEqual(first!.noise, second!.noise);
  assert.notDeepEqual(first!.noise, other!.noise);
  assert.ok(first!.mask!.every((value) => value >= 0 && value < 1));
  const wide = [{ name: "noise", shape: [5000], dtype: "float32", noise: "normal" }] as const;
  const [many] = await take(inlineBatches({ fill: () => {} }, { ...plan, specs: wide }), 1);
  const mean = many!.noise!.reduce((sum, value) => sum + value) / 5000;
  const variance = many!.noise!.reduce((sum, value) => sum + (value - mean) ** 2) / 5000;
  assert.ok(Math.abs(mean) < 0.05 && Math.abs(variance - 1) < 0.06, `mean ${mean}, variance ${variance}`);
});

test("neighbouring batches and neighbouring seeds draw independent numbers", () => {
  const draws = new Set<number>();
  for (let seed = 0; seed < 20; seed++)
    for (let index = 0; index < 20; index++) draws.add(batchRng(seed, index).uniform());
  assert.equal(draws.size, 400);
});

test("a source that throws ends the stream with its message", async () => {
  const stream = prefetchBatches({ ...location, options: { offset: 0, failAt: 1 } }, plan);
  await stream.next();
  await assert.rejects(stream.next(), { code: "ERR_BATCH_SOURCE", message: /episode 1 is damaged/ });
  await stream.close();
});

test("a module without a source ends the stream", async () => {
  const stream = prefetchBatches({ module: new URL("./absent.js", import.meta.url), options: {} }, plan);
  await assert.rejects(stream.next(), { code: "ERR_BATCH_SOURCE", message: /absent\.js/ });
  await stream.close();
});

test("an inline source is closed with its stream", async () => {
  let closed = false;
  const source: BatchSource = { fill: () => {}, close: () => (closed = true) };
  await inlineBatches(source, plan).close();
  assert.equal(closed, true);
});
