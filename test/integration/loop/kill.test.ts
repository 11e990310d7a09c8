import assert from "node:assert/strict";
import { test } from "node:test";
import { benchKill } from "../../../src/cli/bench/kill.ts";

test("whichever process of a running loop is killed, the arm is safe, the records are sound, and all comes back", {
  timeout: 1_800_000,
}, async (t) => {
  const report = await benchKill({ count: 4, seed: 7, log: (line) => t.diagnostic(line) });
  const { control, world_model: model, recorder, trainer } = report.processes;
  for (const victim of [control, model]) {
    assert.equal(victim.came_to_rest, 1);
    assert.equal(victim.moved_by_itself, 0, "it waits for somebody to arm it");
  }
  assert.equal(model.halted, 1, "the control loop brings it to rest when the plans stop");
  assert.deepEqual([recorder.came_to_rest, trainer.came_to_rest], [0, 0], "the arm goes on without them");
  const { bags, wrong } = report.replay;
  assert.ok(bags >= 3, "one before the control was killed, one after, one after the recorder was");
  assert.deepEqual(wrong, []);
  assert.equal(report.ledger.damaged, 0);
});
