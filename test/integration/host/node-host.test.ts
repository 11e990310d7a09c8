import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LATCHED_QOS } from "../../../src/core/node.ts";
import type { LogRecord } from "../../../src/nodes/host/host-protocol.ts";
import { launchSchema, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";

const nodesFolder = fileURLToPath(new URL("./nodes/", import.meta.url));

interface NodeSpec {
  readonly name: string;
  readonly kind?: string;
  readonly process?: string;
  readonly onFailure?: string;
  readonly parameters?: object;
}

/** Starts a launch of test nodes; `log` fills with "node: message", `until` waits for one of them. */
async function launch(t: TestContext, nodes: readonly NodeSpec[], stopSignal?: AbortSignal) {
  const log: string[] = [];
  const logged = new EventEmitter();
  const until = async (line: string) => {
    while (!log.includes(line)) await once(logged, "line");
  };
  const withKinds = nodes.map((node) => ({ kind: "./test-node.js", ...node }));
  const description = await resolveLaunch(launchSchema.parse({ name: "test", nodes: withKinds }), nodesFolder);
  const onLog = ({ node, message }: LogRecord): void => {
    log.push(`${node}: ${message}`);
    logged.emit("line");
  };
  let host: NodeHost | undefined;
  t.after(() => host?.stop());
  host = await NodeHost.start(description, { onLog, ...(stopSignal && { stopSignal }) });
  return { host, log, until };
}

/** The child processes that begin from now on. */
function watchChildren(t: TestContext, onSpawned: (child: ChildProcess) => void = () => {}): ChildProcess[] {
  const children: ChildProcess[] = [];
  const onChild = (message: unknown): void => {
    const { process: child } = message as { process: ChildProcess };
    children.push(child);
    child.once("spawn", () => onSpawned(child));
  };
  subscribe("child_process", onChild);
  t.after(() => {
    unsubscribe("child_process", onChild);
    for (const child of children) child.kill("SIGKILL");
  });
  return children;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return (exitCode ?? signalCode) !== null;
}

/** Settles when the host has heard so many numbers on a topic, each after those before it; a slow listener misses some. */
function counted(host: NodeHost, topic: string, count: number): Promise<void> {
  let [heard, last] = [0, Number.NEGATIVE_INFINITY];
  return new Promise((resolve, reject) => {
    host.context.subscribe(topic, "std_msgs/msg/Float32", ({ data }) => {
      if (data <= last) reject(new Error(`after ${last} came ${data}`));
      last = data;
      if (++heard === count) resolve();
    });
  });
}

const TALKER = { name: "talker", parameters: { publish: "count" } };
const RELAY = { name: "relay", parameters: { relay: ["count", "echo"] } };
const PATIENCE_MS = 120_000;
const GUARD = { timeout: 2 * PATIENCE_MS };

test("two nodes in threads of one process talk to each other", GUARD, async (t) => {
  const { host } = await launch(t, [TALKER, RELAY]);
  await counted(host, "echo", 20);
  assert.equal(host.state("talker"), "active");
});

test("the same two nodes in processes of their own talk to each other", GUARD, async (t) => {
  const { host } = await launch(t, [
    { ...TALKER, process: "one" },
    { ...RELAY, process: "two" },
  ]);
  await counted(host, "echo", 20);
  await host.stop();
  assert.equal(await host.finished(), undefined);
  assert.equal(host.state("relay"), "stopped");
});

test(
  "the recording is activated first and stopped last, intake the other way round, the robot after its control",
  GUARD,
  async (t) => {
    const { host, log } = await launch(t, [
      { name: "robot", kind: "./robot.js" },
      { name: "camera", process: "other" },
      { name: "recorder", kind: "./replay.js" },
      { name: "control", kind: "./control.js" },
    ]);
    await host.stop();
    const steps = (step: string) => log.filter((line) => line.endsWith(step)).map((line) => line.split(":")[0]);
    assert.deepEqual(steps(": activate"), ["recorder", "robot", "control", "camera"]);
    assert.deepEqual(steps(": deactivate"), ["camera", "control", "robot", "recorder"]);
    assert.deepEqual(steps(": cleanup"), ["camera", "control", "robot", "recorder"]);
  },
);

test("a node that fails to configure ends the start with its error; the others are cleaned up", GUARD, async () => {
  const failing = { name: "failing", parameters: { failAt: "configure" } };
  const log: string[] = [];
  const description = await resolveLaunch(
    launchSchema.parse({ name: "test", nodes: [TALKER, failing].map((node) => ({ kind: "./test-node.js", ...node })) }),
    nodesFolder,
  );
  await assert.rejects(
    NodeHost.start(description, { onLog: ({ node, message }) => void log.push(`${node}: ${message}`) }),
    { code: "ERR_NODE_FAILED", message: "Node 'failing' failed to configure: told to fail at configure" },
  );
  assert.ok(log.includes("talker: cleanup"));
  assert.ok(!log.includes("talker: activate"));
});

test("a node that fails to activate is brought to rest and cleaned up", GUARD, async (t) => {
  const starting = launch(t, [{ name: "arm", kind: "./control.js", parameters: { failAt: "activate" } }]);
  await assert.rejects(starting, { message: "Node 'arm' failed to activate: told to fail at activate" });
});

test("parameters that the node's schema does not know are refused with the nearest that it knows", GUARD, async (t) => {
  await assert.rejects(launch(t, [{ name: "talker", parameters: { publsh: "count" } }]), {
    code: "ERR_UNKNOWN_KEY",
    message: /'publsh'.*node 'talker'.*'publish'/,
  });
});

test("a node that fails while stopping does not keep the others from stopping", GUARD, async (t) => {
  const { host, log } = await launch(t, [
    { name: "bad", parameters: { failAt: "deactivate" } },
    { name: "recorder", kind: "./replay.js" },
  ]);
  await host.stop();
  assert.ok(log.includes("bad: cleanup"), "it is cleaned up all the same");
  assert.ok(log.includes("recorder: cleanup"));
  assert.match((await host.finished())?.message ?? "", /'bad' failed to deactivate/);
});

test("a thread that crashes is reported by its error, and the others stop in order", GUARD, async (t) => {
  const { host, log } = await launch(t, [
    { name: "buggy", parameters: { crashOn: "crash" } },
    { name: "control", kind: "./control.js" },
    { name: "recorder", kind: "./replay.js", process: "other" },
  ]);
  await host.context.call("crash", PATIENCE_MS).catch(() => {});
  const error = await host.finished();
  assert.equal(error?.code, "ERR_NODE_FAILED");
  assert.match(error?.message ?? "", /'buggy' ended by itself: a bug nobody caught/);
  assert.deepEqual(
    log.filter((line) => line.endsWith(": deactivate")),
    ["control: deactivate", "recorder: deactivate"],
  );
});

test(
  "a failure that the description tolerates leaves the others running, and /diagnostics names it",
  GUARD,
  async (t) => {
    const { host } = await launch(t, [
      { name: "buggy", onFailure: "continue", parameters: { crashOn: "crash" } },
      TALKER,
    ]);
    const reported = new Promise<string>((resolve) => {
      host.context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
        const nodes = status.find(({ name }) => name === "host: nodes");
        if (nodes?.level === 2) resolve(nodes.message);
      });
    });
    await host.context.call("crash", PATIENCE_MS).catch(() => {});
    assert.equal(await reported, "failed: buggy");
    assert.equal(host.state("buggy"), "failed");
    await counted(host, "count", 5);
  },
);

test("a process that is killed is reported by its signal, and the others stop in order", GUARD, async (t) => {
  const { host, log } = await launch(t, [
    { ...TALKER, process: "other" },
    { name: "control", kind: "./control.js" },
  ]);
  process.kill(host.processIdOf("other")!, "SIGKILL");
  assert.match((await host.finished())?.message ?? "", /process 'other' of 'talker' failed: it ended with SIGKILL/);
  assert.ok(log.includes("control: deactivate"));
});

test("a process that is killed begins again where its nodes say so, and is heard again", GUARD, async (t) => {
  const { host, log } = await launch(t, [
    { ...TALKER, process: "other", onFailure: "restart" },
    { name: "control", kind: "./control.js" },
  ]);
  const killed = host.processIdOf("other")!;
  const talker = (is: (processId: string) => boolean) =>
    new Promise<void>((resolve) => {
      const heed = ({ data }: { data: string }) => is(data) && resolve();
      host.context.subscribe("talker/process", "std_msgs/msg/String", heed, LATCHED_QOS);
    });
  await talker((processId) => processId === String(killed));
  process.kill(killed, "SIGKILL");
  await talker((processId) => processId !== String(killed));
  await counted(host, "count", 3);
  assert.equal(host.state("control"), "active");
  assert.ok(!log.includes("control: deactivate"), "nobody else noticed");
  await host.stop();
  assert.equal(await host.finished(), undefined);
});

test("a process that cannot begin again is given up after five attempts, and the others stop in order", {
  ...GUARD,
}, async (t) => {
  const { host, log } = await launch(t, [
    { name: "buggy", process: "other", onFailure: "restart", parameters: { crashOn: "crash" } },
    { name: "control", kind: "./control.js" },
  ]);
  const restarts = () => log.filter((line) => line.includes("The process 'other' runs again")).length;
  let crashes = 0;
  const crashing = setInterval(() => {
    if (crashes > restarts()) return;
    crashes++;
    host.context.call("crash", PATIENCE_MS).catch(() => {});
  }, 10);
  t.after(() => clearInterval(crashing));
  const error = await host.finished();
  assert.match(error?.message ?? "", /'buggy' ended by itself/);
  assert.ok(log.includes("control: deactivate"));
  assert.deepEqual([crashes, restarts()], [6, 5]);
});

test("a stop during a restart brings the robot to rest without waiting for it", GUARD, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
  const ready = join(folder, "ready");
  await writeFile(ready, "");
  t.after(() => writeFile(ready, "")); // whatever went wrong: the host can stop
  const parameters = { configuresAfter: ready };
  const { host, log, until } = await launch(t, [
    { name: "recorder", kind: "./replay.js", process: "other", onFailure: "restart", parameters },
    { name: "control", kind: "./control.js" },
  ]);
  t.after(() => rm(folder, { recursive: true, force: true }));
  await rm(ready);
  log.length = 0;
  process.kill(host.processIdOf("other")!, "SIGKILL");
  await until("recorder: configure");
  const stopped = host.stop();
  await until("control: deactivate");
  await writeFile(ready, "");
  await stopped;
  assert.equal(await host.finished(), undefined);
  const steps = log.filter((line) => /^(recorder|control): /.test(line));
  assert.deepEqual(steps, ["recorder: configure", "control: deactivate", "control: cleanup", "recorder: cleanup"]);
});

test("a process that begins again while all is stopped is closed without being configured", GUARD, async (t) => {
  const { host, log } = await launch(t, [
    { name: "recorder", kind: "./replay.js", process: "other", onFailure: "restart" },
    { name: "control", kind: "./control.js" },
  ]);
  const children = watchChildren(t, () => void host.stop());
  log.length = 0;
  process.kill(host.processIdOf("other")!, "SIGKILL");
  assert.equal(await host.finished(), undefined);
  assert.deepEqual(children.map(hasEnded), [true]);
  assert.ok(log.includes("control: cleanup"));
  assert.deepEqual(
    log.filter((line) => line.startsWith("recorder") || line.includes("runs again")),
    [],
  );
});

for (const [moment, stopNow] of [
  ["before", (stop: () => void) => stop()],
  ["at", (stop: () => void) => void setImmediate(stop)],
] as const) {
  test(`a stop ${moment} the first moment of the start ends it, and nothing is left`, GUARD, async (t) => {
    const children = watchChildren(t);
    const stop = new AbortController();
    stopNow(() => stop.abort());
    const { host, log } = await launch(t, [TALKER, { ...RELAY, process: "other" }], stop.signal);
    assert.equal(await host.finished(), undefined);
    assert.deepEqual(log, []);
    assert.ok(children.every(hasEnded));
  });
}

for (const [fate, befall] of [
  ["opens", () => {}],
  ["dies of the same signal", (child: ChildProcess) => void child.kill("SIGKILL")],
] as const) {
  test(`a stop while a process ${fate} waits for its end, configures nothing and is no failure`, GUARD, async (t) => {
    const stop = new AbortController();
    const children = watchChildren(t, (child) => {
      stop.abort();
      befall(child);
    });
    const nodes = [TALKER, { ...RELAY, process: "one" }, { name: "third", process: "two" }];
    const { host, log } = await launch(t, nodes, stop.signal);
    assert.equal(await host.finished(), undefined);
    assert.deepEqual(children.map(hasEnded), [true], "the second process is not begun any more");
    assert.deepEqual(
      log.filter((line) => line.endsWith(": configure")),
      [],
    );
  });
}

test("what moves the robot, or runs in the main process, never restarts by itself", async () => {
  for (const [node, reason] of [
    [{ name: "arm", kind: "./control.js", process: "arm" }, /role 'control'/],
    [{ name: "talker", kind: "./test-node.js" }, /main process/],
  ] as const) {
    const description = launchSchema.parse({ name: "test", nodes: [{ ...node, onFailure: "restart" }] });
    await assert.rejects(resolveLaunch(description, nodesFolder), { code: "ERR_INVALID_VALUE", message: reason });
  }
});
