import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTESTS, commandOf, folderOf } from "../../../src/cli/bench/learn/contests.ts";
import { standingOf, tableOf } from "../../../src/cli/bench/learn/standing.ts";
import type { CurvePoint } from "../../../src/learning/run/curve.ts";

const contest = {
  algorithm: "td-mpc2",
  task: "reacher-easy",
  observation: "state",
  steps: 50_000,
  published: { meanReturn: 900, steps: 100_000 },
} as const;

const point = (phase: string, environmentSteps: number, figures: Record<string, number>): CurvePoint => ({
  phase,
  environmentSteps,
  updates: environmentSteps / 2,
  elapsedS: environmentSteps,
  processorS: (environmentSteps * 36) / 1000,
  figures,
});
const cutOff = [
  point("collect", 10_000, { return: 990 }),
  point("evaluate", 10_000, { meanReturn: 400, successRate: 0 }),
  point("evaluate", 20_000, { meanReturn: 300, successRate: 0 }),
  point("train", 24_000, { loss: 1 }),
];
const finished = (returns: readonly number[]) => [
  ...cutOff,
  point("evaluate", 40_000, { meanReturn: 910, successRate: 1 }),
  ...returns.map((value) => point("final", 50_000, { return: value })),
];

test("a finished run is judged by the episodes of its last evaluation, those below half of the published return being failures", () => {
  const [seed] = standingOf(contest, new Map([[3, finished([1000, 1000, 100, 449, 451])]])).seeds;
  assert.deepEqual(seed, {
    seed: 3,
    environmentSteps: 50_000,
    updates: 25_000,
    processorHours: 0.5,
    finished: true,
    meanReturn: 600,
    episodes: 5,
    failures: 2,
    reachedAt: 40_000,
  });
});

test("a run that was cut off says how far it came, and the best of its rounds", () => {
  const { seeds, median } = standingOf(contest, new Map([[1, cutOff]]));
  assert.equal(median, undefined);
  assert.equal(seeds[0]!.finished, false);
  assert.equal(seeds[0]!.environmentSteps, 24_000);
  assert.equal(seeds[0]!.meanReturn, 400);
  assert.equal(seeds[0]!.reachedAt, undefined);
});

test("the median is of finished seeds alone, and the table tells the others by brackets", () => {
  const curves = [finished([900]), finished([700]), cutOff, finished([100])].map((curve, i) => [i + 1, curve] as const);
  const standing = standingOf(contest, new Map(curves));
  assert.equal(standing.median, 700);
  const [heading, row] = tableOf([standing]);
  const cell = (name: string) => row![heading!.indexOf(name)];
  assert.equal(cell("return by seed"), "900 700 (400) 100");
  assert.equal(cell("thousand steps"), "50 50 24 50 of 50");
  assert.equal(cell("processor hours"), "0.50 0.50 0.24 0.50");
  assert.equal(cell("failed episodes"), "1 of 3");
  assert.equal(cell("published"), "900 at 100 k");
});

test("a contest that nobody has begun has a row of its own", () => {
  const [, row] = tableOf([standingOf(contest, new Map())]);
  assert.deepEqual(row, ["reacher-easy, state", "td-mpc2", "–", "– of 50", "–", "–", "–", "–", "900 at 100 k"]);
});

test("no two runs share a folder, and each command names its own", () => {
  const runs = CONTESTS.flatMap((each) => [1, 2].map((seed) => ({ each, seed })));
  assert.equal(new Set(runs.map(({ each, seed }) => folderOf(each, seed))).size, runs.length);
  for (const { each, seed } of runs) assert.ok(commandOf(each, seed, 10).endsWith(`--out ${folderOf(each, seed)}`));
});
