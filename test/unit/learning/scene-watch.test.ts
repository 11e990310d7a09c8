import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { calibrateScene, reconstructionError } from "../../../src/learning/surprise/scene-watch.ts";
import { Cusum } from "../../../src/math/cusum.ts";

test("the error of a painted image is the root mean square of its bytes, of the first image of a batch", () => {
  const seen = Uint8Array.of(0, 10, 255);
  assert.equal(reconstructionError(seen, Uint8Array.of(0, 10, 255, 9, 9, 9)), 0);
  assert.equal(reconstructionError(Uint8Array.of(0, 0), Uint8Array.of(255, 255)), 1);
  assert.ok(Math.abs(reconstructionError(seen, Uint8Array.of(3, 6, 255)) - Math.sqrt(25 / 3) / 255) < 1e-12);
});

/** Episodes of one scene: each is painted a little better or worse than others, and its steps scatter. */
function episodes(rng: Rng, count: number, level: number): number[][] {
  return Array.from({ length: count }, () => {
    const own = level + 0.002 * rng.normal();
    return Array.from({ length: 50 }, () => own + 0.003 * rng.normal());
  });
}

test("thresholds of undisturbed episodes rarely alarm on others, and notice a scene that is a little strange for long", () => {
  const rng = new Rng(5);
  const { reference, warn } = calibrateScene(episodes(rng, 40, 0.04), 0.002);
  assert.ok(reference > 0.04 && warn > 0);
  const alarms = (errors: readonly number[]) => {
    const sum = new Cusum(reference);
    return errors.map((error) => sum.add(error) > warn);
  };
  const nominal = episodes(rng, 200, 0.04).flatMap(alarms);
  assert.ok(nominal.filter(Boolean).length / nominal.length < 0.02);
  const strange = episodes(rng, 50, 0.07).map((errors) => alarms(errors).indexOf(true));
  assert.ok(
    strange.every((step) => step >= 0 && step < 30),
    `${Math.max(...strange)}`,
  );
});
