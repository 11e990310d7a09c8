import assert from "node:assert/strict";
import { test } from "node:test";
import { partOf, planJointTurns } from "../../../../src/learning/fine-tune/joint-turns.ts";
import { fineTuneSettings } from "../../../../src/learning/fine-tune/settings.ts";

const PARTS = {
  encoder: "encoder",
  "core/posterior": "encoder",
  core: "dynamics",
  reward: "heads",
  decoder: "decoder",
} as const;
const NAMES = ["encoder/w", "core/posterior/w", "core/gru/w", "reward/w", "decoder/w"];
const settings = (freeze: ReturnType<typeof fineTuneSettings.parse>["freeze"]) => ({
  ...fineTuneSettings.parse({ freeze }),
  updates: 100,
});
const plan = (freeze: Parameters<typeof settings>[0], missing: readonly string[] = []) =>
  planJointTurns(settings(freeze), PARTS, new Set(missing)).map(({ name, updates, oldShare, learns }) => ({
    name,
    updates,
    oldShare,
    learns: NAMES.filter(learns),
  }));

test("a parameter belongs to the longest scope that its name begins with", () => {
  assert.deepEqual(
    NAMES.map((name) => partOf(name, PARTS)),
    ["encoder", "encoder", "dynamics", "heads", "decoder"],
  );
});

test("first what is seen is learned, then what actions do, each with its share of old data", () => {
  assert.deepEqual(plan(["heads"]), [
    { name: "encoder", updates: 60, oldShare: 0.2, learns: ["encoder/w", "core/posterior/w", "decoder/w"] },
    { name: "dynamics", updates: 40, oldShare: 0.7, learns: ["core/gru/w"] },
  ]);
});

test("heads that are not frozen learn in both turns", () => {
  assert.ok(plan([]).every(({ learns }) => learns.includes("reward/w")));
});

test("a turn that may change nothing it is there for is left out, and its updates go to the other", () => {
  assert.deepEqual(
    plan(["encoder", "decoder"]).map(({ name, updates }) => [name, updates]),
    [["dynamics", 100]],
  );
  assert.deepEqual(
    plan(["dynamics", "heads"]).map(({ name, updates }) => [name, updates]),
    [["encoder", 100]],
  );
});

test("what the bundle lacks is learned first, alone and on old data", () => {
  const [first, ...rest] = plan(["heads"], ["reward/w"]);
  assert.deepEqual(first, { name: "relearning", updates: 10, oldShare: 1, learns: ["reward/w"] });
  assert.deepEqual(
    rest.map(({ updates }) => updates),
    [54, 36],
  );
});

test("a model that is frozen as a whole is refused, also if the bundle lacks something", () => {
  const all = ["encoder", "dynamics", "heads", "decoder"] as const; // behaviour it has none
  assert.throws(() => plan([...all], ["reward/w"]), { code: "ERR_INVALID_ARGUMENT", message: /frozen/ });
});
