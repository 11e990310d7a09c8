import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../../src/config/package-root.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { testFolder } from "../../unit/replay/bag-builder.ts";

const LIMIT = { timeout: 600_000 };

function collect(...flags: string[]) {
  const program = spawn(process.execPath, [join(root, "bin/latentloop.js"), "collect", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  program.stdout.on("data", (chunk) => void (stdout += chunk));
  program.stderr.on("data", (chunk) => void (stderr += chunk));
  const done = once(program, "close").then(([code]) => ({ code, stdout, stderr }));
  return { program, done };
}

const SMALL = ["--size", "32", "--min-free-megabytes", "1", "--json"];

async function bagsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

test(
  "a script's episodes are recorded on the loop's topics, faster than time passes, whole and successful",
  LIMIT,
  async (t) => {
    const folder = await testFolder(t);
    const { code, stdout, stderr } = await collect(
      "--policy",
      "scripted",
      "--task",
      "arm-reach",
      "--episodes",
      "2",
      "--cameras",
      "scene",
      "--out",
      folder,
      ...SMALL,
    ).done;
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.deepEqual(result.episodes, [0, 1]);
    assert.equal(result.success_rate, 1);
    assert.equal(result.dropped, 0);
    const verdict = await verifyBag(result.bag);
    assert.ok(verdict.ok, JSON.stringify(verdict.findings));
    assert.deepEqual(verdict.topics.map(({ topic }) => topic).toSorted(), [
      "/commands",
      "/control/tick",
      "/episode",
      "/joint_states",
      "/plan",
      "/scene/camera_info",
      "/scene/image_raw",
    ]);
    const index = await ReplayIndex.open(folder);
    const [first] = index.episodes;
    assert.equal(first?.table.episode.steps.length, 51);
    const { action } = first!.table;
    assert.ok(
      action.some((value) => Math.abs(value) > 0.1),
      "what was executed is the action",
    );
    assert.ok(first!.table.reward.at(-1)! > -0.3, "the grip ends within 3 cm");
    await index.close();
  },
);

/** Settles when so many episodes have reached the disk, most likely in the middle of the next. */
async function untilOnDisk(folder: string, wanted: number): Promise<void> {
  const untilMs = performance.now() + 240_000;
  const count = async ([bag]: string[]) => (bag === undefined ? 0 : (await verifyBag(bag)).episodes.length);
  while ((await count(await bagsIn(folder)).catch(() => 0)) < wanted) {
    assert.ok(performance.now() < untilMs, "no episodes");
    await sleep(20);
  }
}

test("killed in the middle and started again, a session's numbers are contiguous", LIMIT, async (t) => {
  const folder = await testFolder(t);
  const flags = ["--policy", "random", "--task", "reach", "--out", folder, ...SMALL];
  const { program, done } = collect(...flags, "--episodes", "1000000");
  await untilOnDisk(folder, 3);
  program.kill("SIGKILL");
  await done;
  const again = await collect(...flags, "--episodes", "2").done;
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /interrupted run/);
  const index = await ReplayIndex.open(folder);
  const numbers = index.episodes.map(({ table }) => table.episode.number);
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, i) => i),
  );
  assert.deepEqual(JSON.parse(again.stdout).episodes, numbers.slice(-2));
  assert.equal(JSON.parse(again.stdout).session_episodes, numbers.length);
  await index.close();
});

test("the same seed records the same episodes", LIMIT, async (t) => {
  const folder = await testFolder(t);
  const tables = [];
  for (const name of ["a", "b"]) {
    const out = join(folder, name);
    const flags = ["--policy", "random", "--task", "reach", "--episodes", "1", "--seed", "5", "--out", out, ...SMALL];
    assert.equal((await collect(...flags).done).code, 0);
    const index = await ReplayIndex.open(out);
    tables.push(index.episodes[0]!.table);
    await index.close();
  }
  const [a, b] = tables;
  assert.deepEqual([a!.action, a!.position, a!.reward], [b!.action, b!.position, b!.reward]);
});

test("a signal ends the run in order: the running episode is discarded, the bag is whole", LIMIT, async (t) => {
  const folder = await testFolder(t);
  const { program, done } = collect(
    "--policy",
    "random",
    "--task",
    "reach",
    "--episodes",
    "1000000",
    "--out",
    folder,
    ...SMALL,
  );
  let heard = "";
  program.stderr.on("data", (chunk) => void (heard += chunk));
  await untilOnDisk(folder, 1);
  program.kill("SIGINT");
  const { code, stdout } = await done;
  assert.equal(code, 0, heard);
  const { ok, episodes } = await verifyBag(JSON.parse(stdout).bag);
  assert.ok(ok);
  assert.ok(episodes.every(({ closed, discarded }) => closed || discarded));
});

for (const [flags, said] of [
  [
    ["--policy", "tleop", "--task", "reach"],
    /nearest known one is teleop.*ERR_UNKNOWN_POLICY.*\n.*random, scripted, model:<folder>, teleop/,
  ],
  [["--policy", "random", "--task", "rech"], /ERR_SIM_TASK.*\n.*arm-push/],
  [["--policy", "scripted", "--task", "reach", "--cameras", "wrist"], /"wrist".*ERR_SIM_TASK.*\n.*scene/],
  [["--policy", "scripted", "--task", "walker-walk"], /ERR_/],
  [["--policy", "model:models/reach-keypoint", "--task", "arm-reach"], /ERR_ACTION_MISMATCH/],
] as const) {
  test(`collect ${flags.join(" ")} is refused in one sentence`, LIMIT, async (t) => {
    const { code, stderr } = await collect(...flags, "--out", await testFolder(t), ...SMALL).done;
    assert.equal(code, 1);
    assert.match(stderr, said);
  });
}
