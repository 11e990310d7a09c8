import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { drawReturns } from "../../../src/cli/plot/return-curve.ts";
import type { CurvePoint } from "../../../src/learning/run/curve.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-returns-"));
after(() => rm(folder, { recursive: true }));

const point = (phase: string, environmentSteps: number, figures: Record<string, number>): CurvePoint => ({
  phase,
  environmentSteps,
  updates: 10 * environmentSteps,
  elapsedS: environmentSteps / 2,
  processorS: environmentSteps / 4,
  figures,
});
const curve = [
  point("collect", 100, { return: 10 }),
  point("train", 100, { loss: 3, meanReturn: 50 }),
  point("collect", 200, { return: 20 }),
  point("evaluate", 200, { meanReturn: 15, successRate: 0 }),
];
const path = join(folder, "task");
await drawReturns(path, {
  title: "a < b",
  runs: [
    { name: "seed 1", curve },
    { name: "seed 2", curve: curve.slice(0, 1) },
  ],
  published: { name: "published", meanReturn: 18 },
});

test("the numbers behind a chart hold every return of every run, and nothing else", async () => {
  assert.deepEqual((await readFile(`${path}.csv`, "utf8")).trimEnd().split("\n"), [
    "run,phase,environment_steps,updates,elapsed_s,processor_s,return",
    "seed 1,collect,100,1000,50,25,10.00",
    "seed 1,collect,200,2000,100,50,20.00",
    "seed 1,evaluate,200,2000,100,50,15.00",
    "seed 2,collect,100,1000,50,25,10.00",
  ]);
});

test("a chart names its runs and what they are compared with", async () => {
  const svg = await readFile(`${path}.svg`, "utf8");
  for (const text of ["a &lt; b", "seed 1", "seed 2", "published", "environment steps"]) {
    assert.ok(svg.includes(text), text);
  }
});
