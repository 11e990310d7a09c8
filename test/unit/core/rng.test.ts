import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";

const draws = (rng: Rng, count: number) => Array.from({ length: count }, () => rng.normal());

test("the same seed gives the same draws and neighbouring seeds do not", () => {
  assert.deepEqual(draws(new Rng(7), 20), draws(new Rng(7), 20));
  assert.notDeepEqual(draws(new Rng(7), 20), draws(new Rng(8), 20));
});

test("a stored state resumes exactly, also between the two normals of a pair", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(50), (seed, before) => {
      const rng = new Rng(seed);
      draws(rng, before);
      const resumed = Rng.fromState(JSON.parse(JSON.stringify(rng.state)));
      assert.deepEqual(draws(resumed, 10), draws(rng, 10));
    }),
  );
});

test("normals have mean 0, variance 1 and no serial correlation, also from neighbouring seeds", () => {
  for (let seed = 0; seed < 5; seed++) {
    const values = draws(new Rng(seed), 20_000);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    const serial = values.slice(1).reduce((sum, x, i) => sum + x * values[i]!, 0) / values.length;
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04 && Math.abs(serial) < 0.03, `seed ${seed}`);
  }
  const firsts = Array.from({ length: 5000 }, (_, seed) => new Rng(seed).uniform());
  assert.ok(Math.abs(firsts.reduce((sum, x) => sum + x, 0) / firsts.length - 0.5) < 0.02);
});
