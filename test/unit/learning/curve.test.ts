import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CurveFile, type CurvePoint } from "../../../src/learning/run/curve.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-curve-"));
after(() => rm(folder, { recursive: true }));

const point = (updates: number, environmentSteps: number): CurvePoint => ({
  phase: "dynamics",
  elapsedS: 1 + updates,
  processorS: 2 + updates,
  environmentSteps,
  updates,
  figures: { loss: 1 / (1 + updates) },
});

test("a curve reads back as it was written", async () => {
  const curve = new CurveFile(join(folder, "a.jsonl"));
  await curve.clear();
  const points = [point(0, 50), point(40, 50)];
  for (const each of points) await curve.append(each);
  assert.deepEqual(await curve.read(), points);
});

test("a resumed run's curve goes on from its checkpoint: what came after is dropped, and what it had cost by then is known", async () => {
  const curve = new CurveFile(join(folder, "b.jsonl"));
  await curve.clear();
  for (const each of [point(0, 50), point(40, 50), point(40, 100), point(80, 100)]) await curve.append(each);
  assert.deepEqual(await curve.rewind(40, 50), { elapsedS: 41, processorS: 42 });
  assert.deepEqual(await curve.read(), [point(0, 50), point(40, 50)]);
});

test("a damaged line is named, with what stands there", async () => {
  const curve = new CurveFile(join(folder, "d.jsonl"));
  await curve.clear();
  await curve.append(point(0, 50));
  await appendFile(curve.path, "garbage\n");
  await assert.rejects(curve.read(), { code: "ERR_CURVE_UNREADABLE", message: /line 2 .*"garbage"/ });
});

test("half a line at the end, as a crash or a running trainer leaves it, is no part of a curve", async () => {
  const curve = new CurveFile(join(folder, "c.jsonl"));
  await curve.clear();
  await curve.append(point(0, 50));
  await appendFile(curve.path, '{"phase":"dyn');
  assert.deepEqual(await curve.read(), [point(0, 50)]);
});
