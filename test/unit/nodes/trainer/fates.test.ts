import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerEvent } from "../../../../src/learning/models/ledger.ts";
import { episodesToWaitFor, fateOf, rejectedInARow } from "../../../../src/nodes/trainer/fates.ts";

const NOW_MS = Date.parse("2026-01-02T03:04:05.000Z");
const MODEL = { name: "candidate", hash: "aa" };
const LIVE = { name: "live", hash: "bb" };

function at(secondsAgo: number): string {
  return new Date(NOW_MS - secondsAgo * 1000).toISOString();
}
const judged = (passed: boolean): LedgerEvent => ({
  event: "judged",
  at: at(60),
  model: MODEL,
  live: LIVE,
  passed,
  verdicts: [],
});
const shadowed = (passed: boolean): LedgerEvent => ({
  event: "shadowed",
  at: at(30),
  model: MODEL,
  live: LIVE,
  passed,
  verdicts: [],
});
const promoted = (secondsAgo: number): LedgerEvent => ({
  event: "promoted",
  at: at(secondsAgo),
  model: MODEL,
  from: LIVE,
  by: "node",
});
const kept: LedgerEvent = { event: "kept", at: at(1), model: MODEL, verdicts: [] };
const rolledBack: LedgerEvent = {
  event: "rolled-back",
  at: at(1),
  model: MODEL,
  to: LIVE,
  by: "node",
  reason: "",
  verdicts: [],
};

test("a candidate's fate is the newest thing that the ledger says of it", () => {
  const fate = (...events: LedgerEvent[]) => fateOf("aa", events, NOW_MS);
  assert.equal(fate(judged(false)), "refused");
  assert.equal(fate(judged(true)), "passed");
  assert.equal(fate(judged(true), shadowed(false)), "refused");
  assert.equal(fate(judged(true), shadowed(true), promoted(5)), "trial");
  assert.equal(fate(judged(true), promoted(5), kept), "kept");
  assert.equal(fate(judged(true), promoted(5), rolledBack), "rolled-back");
  assert.equal(fateOf("cc", [judged(true)], NOW_MS), "refused", "the ledger does not know it");
  assert.equal(fateOf(null, [], NOW_MS), "refused", "a run that came to no bundle");
});

test("what a node promoted is on trial until the node says more, however long the robot rests, or another model's turn comes", () => {
  const watched: LedgerEvent = { ...promoted(3600), by: "world-model node" } as LedgerEvent;
  assert.equal(fateOf("aa", [watched], NOW_MS), "trial");
  assert.equal(fateOf("aa", [watched, kept], NOW_MS), "kept");
  assert.equal(fateOf("aa", [watched, { ...promoted(60), model: LIVE } as LedgerEvent], NOW_MS), "kept");
});

test("a trial that nobody ended is over after ten minutes", () => {
  assert.equal(fateOf("aa", [promoted(599)], NOW_MS), "trial");
  assert.equal(fateOf("aa", [promoted(601)], NOW_MS), "kept");
});

test("after each rejection in a row a run waits for twice as many episodes, up to 64 times as many", () => {
  assert.equal(rejectedInARow(["refused", "kept", "rolled-back", "refused"]), 2);
  assert.equal(rejectedInARow(["refused", "passed"]), 0);
  assert.equal(rejectedInARow([]), 0);
  assert.deepEqual(
    [0, 1, 2, 6, 20].map((rejected) => episodesToWaitFor(10, rejected)),
    [10, 20, 40, 640, 640],
  );
});
