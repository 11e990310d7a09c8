import assert from "node:assert/strict";
import { test } from "node:test";
import { DatasetStats } from "../../../src/replay/datasets/dataset-stats.ts";
import { PictureSummary, VectorSummary } from "../../../src/replay/datasets/feature-stats.ts";

function near(actual: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${actual} instead of ${expected}`);
  });
}

test("figures of a vector are those of numpy, element by element", () => {
  const summary = new VectorSummary(2);
  const rows = [3, 1, 4, 1, 5, 9, 2, 6];
  for (const [i, value] of rows.entries()) summary.add([value, -10 * i]);
  const { min, max, mean, std, count, q01, q10, q50, q90, q99 } = summary.stats;
  // numpy.std and numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], q), numpy.quantile(-10 * arange(8), q)
  near(min, [1, -70]);
  near(max, [9, 0]);
  near(mean, [3.875, -35]);
  near(std, [2.5708704751503917, 22.9128784747792]);
  assert.deepEqual(count, [8]);
  near(q01, [1, -69.3]);
  near(q10, [1, -63]);
  near(q50, [3.5, -35]);
  near(q90, [6.9, -7]);
  near(q99, [8.79, -0.7]);
});

test("figures of one frame are that frame", () => {
  const summary = new VectorSummary(1);
  summary.add([7]);
  const { mean, std, q01, q99, count } = summary.stats;
  assert.deepEqual([mean, std, q01, q99, count], [[7], [0], [7], [7], [1]]);
});

test("figures of pictures are those of the same values as vectors, from 0 to 1, and count frames", () => {
  const pictures = new PictureSummary(1);
  const vectors = new VectorSummary(3);
  for (let frame = 0; frame < 3; frame++) {
    const picture = Uint8Array.from({ length: 60 }, (_, i) => (i * i * (frame + 3)) % 256);
    pictures.add(picture);
    for (let i = 0; i < picture.length; i += 3) vectors.add(Array.from(picture.subarray(i, i + 3), (v) => v / 255));
  }
  const { count: frames, ...figures } = pictures.stats;
  const { count: _, ...expected } = vectors.stats;
  assert.deepEqual(frames, [3]);
  for (const [name, values] of Object.entries(figures)) near(values, expected[name as keyof typeof expected], 1e-9);
});

test("a stride leaves pixels out, whole ones", () => {
  const summary = new PictureSummary(2);
  summary.add(Uint8Array.of(0, 51, 102, 255, 255, 255, 0, 51, 102));
  assert.deepEqual(summary.stats.max, [0, 0.2, 0.4]);
});

test("figures of channels are nested as [3, 1, 1], those of vectors are not", () => {
  const stats = new DatasetStats();
  stats.addPicture("camera", Uint8Array.of(0, 0, 255), 1);
  stats.addVector("action", [1, 2]);
  const { camera, action } = stats.figures;
  assert.deepEqual([camera?.q50, camera?.count], [[[[0]], [[0]], [[1]]], [1]]);
  assert.deepEqual(action?.mean, [1, 2]);
});
