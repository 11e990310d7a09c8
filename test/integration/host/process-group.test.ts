import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { LaunchNode } from "../../../src/nodes/host/launch-description.ts";
import { ProcessGroup } from "../../../src/nodes/host/process-group.ts";

const NODE = { name: "camera", kind: "camera", role: "intake", process: "other" } as unknown as LaunchNode;

/** Opens a process that cannot be opened; returns its error, whom the host heard of, and the process. */
async function failToOpen(t: TestContext) {
  const children: ChildProcess[] = [];
  const onSpawn = (message: unknown): void => void children.push((message as { process: ChildProcess }).process);
  subscribe("child_process", onSpawn);
  const failed: string[] = [];
  const listener = { onLog() {}, onSignal() {}, onFailed: (node: string) => void failed.push(node) };
  const bind = { events: "ipc:///nowhere/events", frames: "ipc:///nowhere/frames" };
  const opened = ProcessGroup.open("other", "test", { bind }, [NODE], listener);
  unsubscribe("child_process", onSpawn);
  t.after(() => children[0]!.kill("SIGKILL"));
  const error = await opened.then(
    () => assert.fail("it opened"),
    (thrown: { code: string; message: string }) => thrown,
  );
  return { error, failed, child: children[0]! };
}

test("a process that cannot begin is a failure of its nodes, named with the reason", async (t) => {
  const { execPath } = process;
  process.execPath = "/nowhere/node";
  t.after(() => {
    process.execPath = execPath;
  });
  const { error, failed } = await failToOpen(t);
  assert.equal(error.code, "ERR_NODE_FAILED");
  assert.match(error.message, /process 'other' of 'camera' failed: spawn \/nowhere\/node ENOENT/);
  assert.deepEqual(failed, ["camera"]);
});

test("so is one for which no file is left to talk to it", () => {
  const program = fileURLToPath(new URL("./nodes/fork-without-files.js", import.meta.url));
  const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -n 256 && exec "$0" "$1"', process.execPath, program], {
    encoding: "utf8",
  });
  const { failure, failed } = JSON.parse(stdout || `{"failure":${JSON.stringify(stderr)}}`);
  assert.equal(failure.code, "ERR_NODE_FAILED");
  assert.match(failure.message, /process 'other' of 'camera' failed: spawn .* EMFILE/);
  assert.deepEqual(failed, ["camera"]);
});

test("a process that begins but cannot open its doors is closed again", { timeout: 240_000 }, async (t) => {
  const { failed, child } = await failToOpen(t);
  assert.notEqual(child.exitCode ?? child.signalCode, null, "it has ended");
  assert.deepEqual(failed, [], "whoever opened it is told by the error alone");
});
