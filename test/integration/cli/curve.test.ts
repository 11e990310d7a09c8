import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { root } from "../../../src/config/package-root.ts";
import { CurveFile } from "../../../src/learning/run/curve.ts";
import { CURVE_FILE } from "../../../src/learning/run/training-run.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");
const folder = await mkdtemp(join(tmpdir(), "latentloop-curves-"));
after(() => rm(folder, { recursive: true }));

for (const [name, meanReturn] of [
  ["first", 3],
  ["second", 4],
] as const) {
  await mkdir(join(folder, name));
  const curve = new CurveFile(join(folder, name, CURVE_FILE));
  const place = { elapsedS: 1, processorS: 1, environmentSteps: 100, updates: 7 };
  await curve.append({ phase: "train", ...place, figures: { loss: 0.5 } });
  await curve.append({ phase: "evaluate", ...place, figures: { meanReturn, successRate: 0 } });
}

function curve(...args: string[]) {
  const command = [MAIN, "curve", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8", cwd: folder });
  return { status, stderr, json: () => JSON.parse(stdout.trim().split("\n").at(-1)!) };
}

test("one run is drawn into its folder, with what it has reached", async () => {
  const { status, stderr, json } = curve("first", "--json");
  assert.equal(status, 0, stderr);
  assert.deepEqual(json().runs, [{ name: "first", environmentSteps: 100, updates: 7 }]);
  const svg = await readFile(join(folder, "first", "curve.svg"), "utf8");
  for (const label of ["first", "loss", "return in evaluation"]) assert.ok(svg.includes(label), label);
  for (const unmeasured of ["validation", "collecting"]) assert.ok(!svg.includes(unmeasured), unmeasured);
  assert.equal((await sharp(join(folder, "first", "curve.png")).metadata()).format, "png");
});

test("several runs become one chart of returns, with the numbers behind it", async () => {
  const { status, stderr } = curve("first", "second", "--out", join("new", "both"));
  assert.equal(status, 0, stderr);
  assert.deepEqual((await readFile(join(folder, "new", "both.csv"), "utf8")).trimEnd().split("\n").slice(1), [
    "first,evaluate,100,7,1,1,3.00",
    "second,evaluate,100,7,1,1,4.00",
  ]);
});

test("a folder that is no run is refused by its name", () => {
  const { status, stderr } = curve("third");
  assert.equal(status, 1);
  assert.match(stderr, /received third\. \[ERR_INVALID_ARGUMENT\]/);
});
