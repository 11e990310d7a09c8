import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { root } from "../../../src/config/package-root.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));
const REACH = join(root, "models", "reach-keypoint");

test("promote judges and switches, a broken candidate is refused on the record, rollback without a past says so", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-cli-models-"));
  t.after(() => rm(folder, { recursive: true }));
  const models = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [MAIN, "models", ...args, "--models", join(folder, "models"), "--json"],
      { encoding: "utf8" },
    );
    return { status, stderr, json: () => JSON.parse(stdout.trim().split("\n").at(-1)!) };
  };
  const judging = ["--task", "reach", "--episodes", "1", "--without", "parity", "latency"];

  const promoted = models("promote", REACH, ...judging);
  assert.equal(promoted.status, 0, promoted.stderr);
  const { name, verdicts } = promoted.json();
  assert.ok(verdicts.length >= 8);

  const broken = join(folder, "broken");
  await cp(REACH, broken, { recursive: true });
  await truncate(join(broken, "plan.onnx"), 1000);
  const refused = models("promote", broken, ...judging);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /\[ERR_MODEL_REFUSED\]/);

  assert.deepEqual(
    models("list")
      .json()
      .models.map(({ name, live }: { name: string; live: boolean }) => ({ name, live })),
    [{ name, live: true }],
  );
  const { events } = models("history").json();
  assert.deepEqual(
    events.map(({ event, passed }: { event: string; passed?: boolean }) => [event, passed]),
    [
      ["judged", true],
      ["promoted", undefined],
      ["judged", false],
    ],
  );
  assert.match(events[2].verdicts[0].note, /sha256/);
  assert.match(models("rollback").stderr, /\[ERR_NO_PREVIOUS_MODEL\]/);
});
