import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { root } from "../../../src/config/package-root.ts";
import { buildBag, testFolder } from "../../unit/replay/bag-builder.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");

function replay(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "replay", ...args, "--json"], {
    encoding: "utf8",
  });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return { status, stderr, result: last === "" ? undefined : JSON.parse(last) };
}

async function bag(t: TestContext): Promise<string> {
  const folder = join(await testFolder(t), "run");
  await buildBag({ folder, episodes: [6, 4] });
  return folder;
}

test("a cut bag fails verify, recovers, and passes it", async (t) => {
  const folder = await bag(t);
  const file = join(folder, "run_0.mcap");
  assert.deepEqual([replay("verify", folder).status, replay("verify", folder).result.ok], [0, true]);
  await truncate(file, Math.round((await stat(file)).size * 0.8));
  await rm(join(folder, "metadata.yaml"));
  const { status, result } = replay("verify", folder);
  assert.deepEqual([status, result.ok], [1, false]);
  assert.equal(replay("recover", folder).status, 0);
  assert.equal(replay("verify", folder).status, 0);
});

test("info, stats and thumbnails say and draw what is in a bag", async (t) => {
  const folder = await bag(t);
  const { result: info } = replay("info", folder);
  assert.deepEqual(
    info.episodes.map(({ number, steps, success }: Record<string, unknown>) => [number, steps, success]),
    [
      [0, 6, true],
      [1, 4, false],
    ],
  );
  const { result: stats } = replay("stats", folder, "--out", join(folder, "../charts/stats"));
  for (const chart of stats.charts) assert.ok((await stat(chart)).size > 1000);
  const { result: thumbnails } = replay("thumbnails", folder, "--out", join(folder, "../sheets"));
  assert.equal(thumbnails.sheets.length, 2);
  assert.deepEqual(await readdir(join(folder, "../sheets")), ["episode_000000.png", "episode_000001.png"]);
});

test("play publishes a bag again, without what moves a robot unless that is asked for", async (t) => {
  const folder = await bag(t);
  const { status, result } = replay("play", folder, "--speed", "50");
  assert.deepEqual([status, result.messages, result.leftOut], [0, 48, []]);
  assert.equal(replay("play", folder, "--topics", "/nothing").status, 1);
});
