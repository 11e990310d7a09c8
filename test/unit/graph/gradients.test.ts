import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import { elementCount } from "../../../src/core/tensor.ts";
import { gradients } from "../../../src/graph/gradients.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { DIFFERENTIABLE } from "../../../src/graph/operator.ts";
import { mul, square, straightThrough, sum } from "../../../src/graph/operators/index.ts";
import { OPERATOR_CHECKS, type OperatorCase, type OperatorCheck } from "./operator-checks.ts";
import { compile } from "./runtime.ts";

const STEP = 4e-3;
/** Float32 values moved by STEP leave about 1e-4 of noise in a difference quotient. */
const TOLERANCE = 2e-3;
const DIRECTIONS = 2;

function draw(kind: OperatorCheck["values"], counts: readonly number[], rng: Rng): Float32Array[] {
  const total = counts.reduce((a, b) => a + b, 0);
  const pool = new Float32Array(total);
  if (kind === "distinct") {
    for (let i = 0; i < total; i++) pool[i] = (i - (total >> 1)) * 0.05 + 0.025;
    for (let i = total - 1; i > 0; i--) {
      const j = rng.integer(i + 1);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
    }
  } else {
    rng.fillNormal(pool, 0.7);
    if (kind === "positive") for (let i = 0; i < total; i++) pool[i] = Math.abs(pool[i]!) + 0.5;
  }
  let start = 0;
  return counts.map((count) => pool.slice(start, (start += count)));
}

/** The worst disagreement between the gradient rule and Richardson-extrapolated central differences. */
async function gradientError({ shapes, apply }: OperatorCase, values: OperatorCheck["values"], seed: number) {
  const rng = new Rng(seed);
  const graph = new Graph();
  const operands = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const y = apply(...operands);
  const weights = graph.input("weights", y.shape);
  graph.output("y", y);
  for (const [i, gradient] of gradients(sum(mul(y, weights)), operands).entries()) {
    assert.deepEqual(gradient.shape, shapes[i]);
    graph.output(`dx${i}`, gradient);
  }
  const run = await compile(graph);
  const point = draw(values, shapes.map(elementCount), rng);
  const w = rng.fillNormal(new Float32Array(y.size));
  const evaluate = (x: readonly Float32Array[]) =>
    run({ weights: w, ...Object.fromEntries(x.map((values, i) => [`x${i}`, values])) });
  const loss = async (x: readonly Float32Array[]) =>
    (await evaluate(x)).y!.reduce((total, value, i) => total + value * w[i]!, 0);
  const base = await evaluate(point);
  let worst = 0;
  for (let i = 0; i < shapes.length; i++) {
    const gradient = base[`dx${i}`]!;
    for (let k = 0; k < DIRECTIONS; k++) {
      const direction = rng.fillUniform(new Float32Array(gradient.length), -1, 1);
      const moved = (distance: number) =>
        loss(point.map((x, j) => (i === j ? x.map((value, n) => value + distance * direction[n]!) : x)));
      const slope = async (h: number) => ((await moved(h)) - (await moved(-h))) / (2 * h);
      const numeric = (4 * (await slope(STEP / 2)) - (await slope(STEP))) / 3;
      const analytic = gradient.reduce((total, value, n) => total + value * direction[n]!, 0);
      const scale = Math.hypot(...gradient) + 0.1;
      worst = Math.max(worst, Math.abs(numeric - analytic) / scale);
    }
  }
  return worst;
}

for (const { operator, cases, values } of OPERATOR_CHECKS) {
  test(`the gradient of ${operator} equals finite differences over random shapes`, async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1000), async (example, seed) => {
        const error = await gradientError(example, values, seed);
        assert.ok(error < TOLERANCE, `relative error ${error} for shapes ${JSON.stringify(example.shapes)}`);
      }),
      { numRuns: 12, seed: 7 },
    );
  });
}

test("every operator with a gradient rule is checked", () => {
  const checked = new Set(OPERATOR_CHECKS.map((check) => check.operator));
  assert.deepEqual(
    [...DIFFERENTIABLE].filter((operator) => !checked.has(operator) && operator !== "Loop"),
    [],
  );
});

test("the check rejects a wrong gradient rule", async () => {
  const halved: OperatorCase = {
    shapes: [[3, 2]],
    apply: (x) => straightThrough(square(x!), mul(square(x!), 0.99)),
  };
  assert.ok((await gradientError(halved, "normal", 1)) > TOLERANCE);
});
