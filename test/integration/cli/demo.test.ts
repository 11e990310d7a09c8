import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { root } from "../../../src/config/package-root.ts";
import { readIndexed } from "../../unit/replay/read-mcap.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command; `onOutput` sees stderr as it grows. */
function run(
  args: readonly string[],
  onOutput: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: tmpdir(), stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
    onOutput(stderr, (signal) => child.kill(signal));
  });
  return new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "latentloop-demo-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function messageCounts(recording: string): Promise<Map<string, number>> {
  const [file] = (await readdir(recording)).filter((name) => name.endsWith(".mcap"));
  const { messages } = await readIndexed(await readFile(join(recording, file!)));
  const counts = new Map<string, number>();
  for (const { topic } of messages) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  return counts;
}

test("the demo closes the loop from pixels, prints its figures as the last line, and leaves a bag that opens", async (t) => {
  const out = await folder(t);
  const { code, stdout, stderr } = await run([
    "demo",
    "--task",
    "reach",
    "--episodes",
    "1",
    "--headless",
    "--json",
    "--out",
    out,
  ]);
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assert.equal(result.episodes, 1);
  const deadlines = result.ticks + result.missed_ticks;
  assert.ok(deadlines > 300, `${deadlines} ticks were due`);
  assert.ok(result.camera_to_command_ms.p50 > 0);
  for (const name of ["missed_ticks", "tick_lateness_us", "mean_return", "success_rate", "random_return"]) {
    assert.ok(name in result, name);
  }
  const counts = await messageCounts(result.replay);
  for (const topic of [
    "/scene/image_raw",
    "/scene/image_model",
    "/joint_states",
    "/plan",
    "/commands",
    "/control/tick",
    "/episode",
  ]) {
    assert.ok((counts.get(topic) ?? 0) > 0, `${topic} in ${[...counts.keys()]}`);
  }
});

test("SIGINT in the middle of an episode halts the robot, closes the bag and ends with a named error", async (t) => {
  const out = await folder(t);
  let sent = false;
  const { code, stderr } = await run(
    ["demo", "--task", "reach", "--episodes", "50", "--headless", "--json", "--out", out],
    (output, kill) => {
      if (sent || !output.includes("episode 1 of 50")) return;
      sent = true;
      kill("SIGINT");
    },
  );
  assert.equal(code, 1, stderr);
  assert.match(stderr, /\[ERR_INTERRUPTED\]/);
  const [recording] = await readdir(out);
  const counts = await messageCounts(join(out, recording!));
  assert.ok((counts.get("/control/tick") ?? 0) > 0);
  assert.match(await readFile(join(out, recording!, "metadata.yaml"), "utf8"), /message_count/);
});

test("a model folder that is none ends with a named error and exit status 1, without a stack", async (t) => {
  const { code, stderr } = await run(["demo", "--headless", "--model", join(await folder(t), "nothing")]);
  assert.equal(code, 1);
  assert.match(stderr, /\[ERR_[A-Z_]+\]/);
  assert.doesNotMatch(stderr, /\n +at /);
});
