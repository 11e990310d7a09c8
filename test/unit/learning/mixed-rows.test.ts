import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { MixedRows, type RowSource } from "../../../src/learning/episodes/mixed-rows.ts";

const ROWS = 2000;

/** Writes its number into every row that is drawn from it. */
function source(number: number, ready = true): RowSource {
  return {
    rows: ROWS,
    framesNeeded: 1,
    ready,
    fill() {},
    fillRow: ({ rows }, _rng, row) => void (rows![row] = number),
  };
}

function shareOf(number: number, mix: MixedRows): number {
  const rows = new Float32Array(ROWS);
  mix.fill({ rows }, new Rng(3));
  return rows.filter((value) => value === number).length / ROWS;
}

test("rows come from each source by its share", () => {
  const mix = new MixedRows([
    { source: source(1), share: 0.8 },
    { source: source(2), share: 0.2 },
  ]);
  assert.ok(Math.abs(shareOf(2, mix) - 0.2) < 0.03);
});

test("the share of a source that holds nothing falls to the others", () => {
  const mix = new MixedRows([
    { source: source(1), share: 0.3 },
    { source: source(2), share: 0.1 },
    { source: source(3, false), share: 0.6 },
  ]);
  assert.equal(shareOf(3, mix), 0);
  assert.ok(Math.abs(shareOf(1, mix) - 0.75) < 0.03);
});

test("a share of nothing is nothing", () => {
  const mix = new MixedRows([
    { source: source(1), share: 0 },
    { source: source(2), share: 1 },
  ]);
  assert.equal(shareOf(2, mix), 1);
});
