import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EpisodeEvent } from "../../../src/messages/index.ts";
import { EpisodeKeeper } from "../../../src/replay/episode-keeper.ts";
import { EpisodeAssembler, isKept } from "../../../src/replay/episodes.ts";

const END = { reward: 1, intervention: false, success: true, isTerminal: false };

test("whatever is ended, redone and restarted, what was recorded has contiguous numbers, each once, and no complaint", () => {
  const deed = fc.constantFrom("finish", "redo-running", "redo-last", "restart");
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 30 }), (deeds) => {
      const kept: number[] = [];
      let assembler = new EpisodeAssembler();
      let keeper = new EpisodeKeeper();
      let finishedHere = 0;
      let stampNs = 0n;
      const record = (event: EpisodeEvent) => assembler.add(event, ++stampNs);
      const closeBag = () => {
        assert.deepEqual(assembler.troubles, []);
        kept.push(
          ...assembler
            .all()
            .filter(isKept)
            .map(({ number }) => number),
        );
      };
      for (const each of deeds) {
        if (each === "restart") {
          record(keeper.begin(stampNs, "cut by the crash"));
          closeBag();
          assembler = new EpisodeAssembler();
          keeper = new EpisodeKeeper(kept);
          finishedHere = 0;
        } else if (each === "redo-last") {
          if (finishedHere === 0) continue;
          record(keeper.discard(stampNs));
          finishedHere = 0; // only the newest one can be taken back
        } else {
          record(keeper.begin(stampNs, "task"));
          record(keeper.step(stampNs, END));
          record(each === "finish" ? keeper.end(stampNs, END) : keeper.discard(stampNs));
          finishedHere = each === "finish" ? 1 : 0;
        }
      }
      closeBag();
      assert.deepEqual(
        kept.toSorted((a, b) => a - b),
        Array.from(kept, (_, i) => i),
      );
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("steps count up, notes go with the next event, and the end carries the outcome", () => {
  const keeper = new EpisodeKeeper([0, 1, 3]);
  assert.equal(keeper.begin(1n, "stack").episode, 2);
  keeper.note("grip slipped");
  keeper.note("light changed");
  const step = keeper.step(2n, { reward: -1, intervention: true });
  assert.deepEqual([step.step, step.note, step.intervention], [1, "grip slipped; light changed", true]);
  const end = keeper.end(3n, END);
  assert.deepEqual([end.step, end.note, end.success, end.reward], [2, "", true, 1]);
  assert.equal(keeper.nextNumber, 4);
});

test("what no episode allows is refused with a sentence", () => {
  const keeper = new EpisodeKeeper();
  for (const call of [() => keeper.discard(0n), () => keeper.end(0n, END), () => keeper.note("x")]) {
    assert.throws(call, { code: "ERR_EPISODE" });
  }
  keeper.begin(0n, "");
  assert.throws(() => keeper.begin(0n, ""), { code: "ERR_EPISODE", message: /episode 0 has not ended/ });
});
