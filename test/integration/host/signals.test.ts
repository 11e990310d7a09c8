import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STOP_SIGNALS } from "../../../src/core/stop-signals.ts";

const here = fileURLToPath(new URL("./nodes/", import.meta.url));

/** Runs a launch of an intake node in a process of its own and a robot's control in the main one. */
async function program(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
  const file = join(folder, "test.yaml");
  const yaml = `
name: signals
nodes:
  - {name: camera, kind: ${here}test-node.js, process: other}
  - {name: control, kind: ${here}control.js}
  - {name: recorder, kind: ${here}replay.js}
`;
  await writeFile(file, yaml);
  const child = spawn(process.execPath, [join(here, "run-launch-program.js"), file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  const exited = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** Reads events up to the one that has this key. */
  const until = async (key: string) => {
    const events: Record<string, unknown>[] = [];
    for (let next = await lines.next(); !next.done; next = await lines.next()) {
      events.push(JSON.parse(next.value) as Record<string, unknown>);
      if (key in events.at(-1)!) return events;
    }
    return events;
  };
  return { child, exited, until };
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

for (const signal of STOP_SIGNALS) {
  test(`${signal} stops intake, control, recording in this order and ends with status 0`, {
    timeout: 240_000,
  }, async (t) => {
    const { child, exited, until } = await program(t);
    await until("started");
    child.kill(signal);
    const events = await until("finished");
    assert.deepEqual(
      events
        .filter(({ message }) => message === "deactivate" || message === "cleanup")
        .map(({ node, message }) => [node, message]),
      [
        ["camera", "deactivate"],
        ["control", "deactivate"],
        ["recorder", "deactivate"],
        ["camera", "cleanup"],
        ["control", "cleanup"],
        ["recorder", "cleanup"],
      ],
    );
    assert.deepEqual(events.at(-1), { finished: null });
    assert.equal(await exited, 0);
  });
}

test("a terminal that is gone ends it in order, though nothing can be written to it any more", {
  timeout: 240_000,
}, async (t) => {
  const { child, exited, until } = await program(t);
  await until("started");
  child.stdout.destroy();
  child.kill("SIGHUP");
  assert.equal(await exited, 0);
});

test("a signal to a child process stops the whole in order", { timeout: 240_000 }, async (t) => {
  const { exited, until } = await program(t);
  const started = (await until("started")).at(-1)!.started as number;
  process.kill(started, "SIGTERM");
  assert.deepEqual((await until("finished")).at(-1), { finished: null });
  assert.equal(await exited, 0);
});

test("a signal during the start ends it in order too", { timeout: 240_000 }, async (t) => {
  const { child, exited, until } = await program(t);
  await until("node"); // the first node logs its configuration
  child.kill("SIGTERM");
  assert.deepEqual((await until("finished")).at(-1), { finished: null });
  assert.equal(await exited, 0);
});

test("child processes end when their parent is killed", { timeout: 240_000 }, async (t) => {
  const { child, until } = await program(t);
  const started = (await until("started")).at(-1)!.started as number;
  assert.ok(isAlive(started));
  child.kill("SIGKILL");
  while (isAlive(started)) await new Promise((resolve) => setTimeout(resolve, 10));
});
