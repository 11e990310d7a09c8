import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { verdictSchema } from "../../../src/learning/gates/gate.ts";
import { GATES, gatesSchema } from "../../../src/learning/gates/index.ts";
import { judgeSample, writeCandidate } from "../../support/candidates.ts";

test("gates have names of their own", () => {
  assert.equal(new Set(GATES.map(({ name }) => name)).size, GATES.length);
});

for (const { name, about } of GATES) {
  test(`${name}: says what it asks, has a default for every parameter and refuses unknown ones`, () => {
    assert.ok(about.length > 10);
    assert.equal(parseStrict(gatesSchema, {}, "the test")[name]!.enabled, true);
    assert.throws(() => parseStrict(gatesSchema, { [name]: { leniency: 1 } }, "the test"), { code: "ERR_UNKNOWN_KEY" });
  });
}

test("every gate gives a verdict that the ledger takes", async (t) => {
  const live = await writeCandidate(t);
  const { verdicts } = await judgeSample(live, live);
  assert.deepEqual(
    verdicts.map(({ gate }) => gate),
    GATES.map(({ name }) => name),
  );
  for (const verdict of verdicts) verdictSchema.parse(JSON.parse(JSON.stringify(verdict)));
});
