import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SurpriseCalibration, surpriseWarnOf, translateSurprise } from "../../../src/core/surprise.ts";

const calibration = fc
  .record({
    surpriseLimit: fc.double({ min: 0.01, max: 100, noNaN: true }),
    share: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
  })
  .map(({ surpriseLimit, share }) => ({ surpriseLimit, surpriseWarn: share * surpriseLimit }));
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a}, ${b}`);

test("in another model's unit a model's surprise warns where it warns, stops where it stops, and there and back is the same", () => {
  fc.assert(
    fc.property(calibration, calibration, fc.double({ min: 0.001, max: 1000, noNaN: true }), (from, to, surprise) => {
      near(translateSurprise(from.surpriseWarn, from, to), to.surpriseWarn);
      near(translateSurprise(from.surpriseLimit, from, to), to.surpriseLimit);
      near(translateSurprise(translateSurprise(surprise, from, to), to, from), surprise);
    }),
  );
});

test("without warnings of their own it is the ratio of the limits", () => {
  near(translateSurprise(3, { surpriseLimit: 2 }, { surpriseLimit: 8 }), 12);
  assert.equal(surpriseWarnOf({ surpriseLimit: 2 }), 1);
});

test("surprise that is not calibrated on both sides, or is no number, stays as it is", () => {
  const known: SurpriseCalibration = { surpriseLimit: 2 };
  assert.equal(translateSurprise(3, { surpriseLimit: null }, known), 3);
  assert.equal(translateSurprise(3, known, { surpriseLimit: null }), 3);
  assert.ok(Number.isNaN(translateSurprise(Number.NaN, known, known)));
});
