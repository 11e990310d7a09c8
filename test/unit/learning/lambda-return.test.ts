import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Graph } from "../../../src/graph/index.ts";
import { lambdaReturn } from "../../../src/learning/losses/lambda-return.ts";
import { runGraph } from "../../support/run-graph.ts";

const HORIZON = 4;
const numbers = (min: number, max: number) =>
  fc.array(fc.double({ min, max, noNaN: true }), { minLength: HORIZON, maxLength: HORIZON });

async function returnsOf(rewards: number[], discounts: number[], values: number[], lambda: number): Promise<number[]> {
  const graph = new Graph();
  const input = (name: string) => graph.input(name, [HORIZON, 1]);
  const inputs = { rewards: input("rewards"), discounts: input("discounts"), values: input("values") };
  graph.output("returns", lambdaReturn({ ...inputs, lambda }));
  const feeds = Object.entries({ rewards, discounts, values }).map(([name, data]) => [name, Float32Array.from(data)]);
  return [...(await runGraph(graph, Object.fromEntries(feeds))).returns!];
}

/** The mean of all n-step returns, weighted by λ: another way to the same number. */
function mixture(rewards: number[], discounts: number[], values: number[], lambda: number, from: number): number {
  let total = 0;
  for (let steps = 1; from + steps <= HORIZON; steps++) {
    let [collected, weight] = [0, 1];
    for (let t = from; t < from + steps; t++) {
      collected += weight * rewards[t]!;
      weight *= discounts[t]!;
    }
    const share = from + steps === HORIZON ? lambda ** (steps - 1) : (1 - lambda) * lambda ** (steps - 1);
    total += share * (collected + weight * values[from + steps - 1]!);
  }
  return total;
}

test("a λ-return is the λ-weighted mean of all n-step returns", async () => {
  const numbersOfOne = fc.tuple(
    numbers(-2, 2),
    numbers(0, 1),
    numbers(-5, 5),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  await fc.assert(
    fc.asyncProperty(numbersOfOne, async ([rewards, discounts, values, lambda]) => {
      const returns = await returnsOf(rewards, discounts, values, lambda);
      for (const [t, found] of returns.entries()) {
        const expected = mixture(rewards, discounts, values, lambda, t);
        assert.ok(Math.abs(found - expected) < 1e-4, `${found} at ${t}, expected ${expected}`);
      }
    }),
    { numRuns: 30 },
  );
});

test("what comes after the end of an episode counts nothing", async () => {
  const [first] = await returnsOf([1, 2, 4, 8], [0.5, 0, 1, 1], [9, 9, 9, 9], 1);
  assert.equal(first, 1 + 0.5 * 2);
});
