import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DampedLeastSquares } from "../../../src/math/damped-least-squares.ts";
import { ResolvedRate } from "../../../src/math/resolved-rate.ts";

const RUNS = { numRuns: 200, seed: 1 };
const number = fc.double({ min: -2, max: 2, noNaN: true });
const matrix = (count: number) => fc.array(number, { minLength: count, maxLength: count });
const joint = (name: string, velocity = 1) => ({ name, limits: { lower: -1, upper: 1, velocity, acceleration: 10 } });

test("the solution minimises |J q̇ - v|² + λ² |q̇|²: its gradient is zero", () => {
  const [rows, columns, damping] = [3, 5, 0.1];
  fc.assert(
    fc.property(matrix(rows * columns), matrix(rows), (entries, wanted) => {
      const jacobian = Float64Array.from(entries);
      const out = new Float64Array(columns);
      new DampedLeastSquares(rows, columns, damping).solveInto(jacobian, wanted, out);
      const residual = wanted.map((v, i) => out.reduce((sum, rate, j) => sum + jacobian[i * columns + j]! * rate, -v));
      for (let j = 0; j < columns; j++) {
        const gradient = residual.reduce((sum, r, i) => sum + jacobian[i * columns + j]! * r, damping ** 2 * out[j]!);
        assert.ok(Math.abs(gradient) < 1e-9, `gradient ${gradient}`);
      }
    }),
    RUNS,
  );
});

test("at a singular pose the joints are no faster than |v| / 2λ", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (reach) => {
      const out = new Float64Array(2);
      new DampedLeastSquares(2, 2, 0.03).solveInto(Float64Array.of(reach, 0, 0, 0), [0.3, 0.3], out);
      assert.ok(Math.hypot(...out) <= Math.hypot(0.3, 0.3) / 0.06 + 1e-12);
    }),
    RUNS,
  );
});

test("only the chosen rows count, and an arm that can follows them", () => {
  const rate = new ResolvedRate([0, 1], [joint("a", 10), joint("b", 10)]);
  const jacobian = new Float64Array(12);
  jacobian.set([1, 0, 0, 1], 0); // x by a, y by b
  jacobian.set([5, 5], 10); // rotation about z: not chosen
  const out = new Float64Array(2);
  rate.solveInto(jacobian, [0.2, -0.4, 0, 0, 0, 9], [0, 0], out);
  assert.ok(Math.abs(out[0]! - 0.2) < 1e-3 && Math.abs(out[1]! + 0.4) < 1e-3);
});

test("a joint at its limit is not moved further, the other one does its part", () => {
  const rate = new ResolvedRate([0], [joint("a"), joint("b")]);
  const jacobian = new Float64Array(12);
  jacobian.set([1, 1], 0);
  const out = new Float64Array(2);
  rate.solveInto(jacobian, [0.5, 0, 0, 0, 0, 0], [1, 0], out);
  assert.equal(out[0], 0);
  assert.ok(Math.abs(out[1]! - 0.5) < 1e-3);
  rate.solveInto(jacobian, [-0.5, 0, 0, 0, 0, 0], [1, 0], out);
  assert.ok(out[0]! < -0.2, "it may come back");
});

test("too fast a request keeps its direction: all joints slow down alike", () => {
  const rate = new ResolvedRate([0, 1], [joint("a", 1), joint("b", 1)]);
  const jacobian = new Float64Array(12);
  jacobian.set([1, 0, 0, 1], 0);
  const out = new Float64Array(2);
  rate.solveInto(jacobian, [8, 4, 0, 0, 0, 0], [0, 0], out);
  assert.equal(out[0], 1);
  assert.ok(Math.abs(out[1]! - 0.5) < 1e-9);
});
