import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { root } from "../../../src/config/package-root.ts";
import { recordDotWorld } from "../../support/dot-recording.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");
const folder = await mkdtemp(join(tmpdir(), "latentloop-train-"));
after(() => rm(folder, { recursive: true }));
const replay = join(folder, "replay");
await recordDotWorld({ folder: join(replay, "bag"), episodes: 2, seed: 1 });

const refusals: readonly [rule: string, flags: readonly string[], code: string, sentence: RegExp][] = [
  ["without a system or a bundle there is nothing to train", ["--task", "reach"], "ERR_INVALID_ARGUMENT", /--algo/],
  [
    "a flag of a new model is refused where a bundle is trained further, also with the value of its default",
    ["--from", "models/x", "--replay", "runs", "--steps", "7", "--episodes", "50"],
    "ERR_INVALID_ARGUMENT",
    /Expected no --steps, --episodes with --from/,
  ],
  [
    "a flag of fine-tuning is refused where a model begins from nothing",
    ["--algo", "planet", "--task", "reach", "--old", "x", "--freeze", "heads"],
    "ERR_INVALID_ARGUMENT",
    /Expected --from <bundle> with --old, --freeze/,
  ],
  ["a bundle is trained further on recordings only", ["--from", "models/x"], "ERR_INVALID_ARGUMENT", /--replay/],
  [
    "recordings of another task are refused by its name",
    ["--algo", "keypoint", "--task", "reach", "--replay", replay],
    "ERR_REPLAY_MISMATCH",
    /task reach.*dot/,
  ],
  [
    "a bundle learns nothing from another task either",
    ["--from", join(root, "models", "reach-keypoint"), "--replay", replay],
    "ERR_REPLAY_MISMATCH",
    /task reach.*dot/,
  ],
];

for (const [rule, flags, code, sentence] of refusals) {
  test(rule, () => {
    const out = ["--out", join(folder, "run"), "--json"];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, "train", ...flags, ...out], { encoding: "utf8" });
    assert.equal(status, 1, stderr);
    assert.match(stderr, new RegExp(`\\[${code}\\]`));
    assert.match(stderr, sentence);
  });
}
