import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import type { NodeContext } from "../../../src/core/node.ts";
import type { CommandInterface } from "../../../src/core/robot.ts";
import type { Float64MultiArray, RosMessages } from "../../../src/messages/index.ts";
import { createRobotOutput, robotOutputParameters } from "../../../src/nodes/robot-output.ts";

/** The node at 100 Hz before a joint group of one joint that takes 5 rad/s², with a clock that stands until it is set. */
async function output(t: TestContext, commandInterface: CommandInterface) {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-"));
  t.after(() => rm(folder, { recursive: true }));
  const robot = join(folder, "robot.yaml");
  const limits = "{lower: -3, upper: 3, velocity: 1, acceleration: 5}";
  await writeFile(
    robot,
    `name: arm\ncommandInterface: ${commandInterface}\njoints:\n  - {name: j1, limits: ${limits}}\n`,
  );

  const sent: number[] = [];
  const errors: string[] = [];
  const timers: (() => void)[] = [];
  let nowNs = 1e12;
  let receive: (message: Float64MultiArray) => void = () => {};
  const context = {
    name: "robot_output",
    clock: { monotonicNs: () => nowNs, rosNs: () => 0n },
    log: { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) },
    publisher: () => ({ publish: ({ data }: Float64MultiArray) => void sent.push(data[0]!) }),
    subscribe: (_topic: string, _type: string, onMessage: typeof receive) => {
      receive = onMessage;
    },
    diagnose: () => {},
    every: (_periodMs: number, callback: () => void) => void timers.push(callback),
  } as unknown as NodeContext<RosMessages>;
  const given = { robot, outputs: [{ kind: "joint-group", topic: "controller", joints: ["j1"] }] };
  const node = createRobotOutput(context, parseStrict(robotOutputParameters, given, "test"));
  await node.configure();
  await node.activate();
  return {
    node,
    sent,
    errors,
    command: (value: number) => receive({ layout: { dim: [], data_offset: 0 }, data: [value] }),
    periods(count: number) {
      for (let i = 0; i < count; i++) {
        nowNs += 10e6;
        for (const timer of timers) timer();
      }
    },
  };
}

test("a velocity-commanded robot whose commands end while it moves is braked to rest, and it is said once", async (t) => {
  const { sent, errors, command, periods } = await output(t, "velocity");
  command(0.12);
  periods(40);
  assert.deepEqual(
    sent.map((velocity) => Math.round(velocity * 1e6) / 1e6),
    [0.12, 0.07, 0.02, 0],
  );
  assert.deepEqual(errors, ["The commands ended while the robot moved: it is braked to rest."]);
});

test("a velocity-commanded robot that was brought to rest, and one commanded by position, get nothing more", async (t) => {
  for (const [commandInterface, last] of [
    ["velocity", 0],
    ["position", 0.5],
  ] as const) {
    const { sent, errors, command, periods } = await output(t, commandInterface);
    command(last);
    periods(40);
    assert.deepEqual(sent, [last]);
    assert.deepEqual(errors, []);
  }
});

test("deactivated under commands that go on, it leaves a velocity-commanded robot at rest", async (t) => {
  const { node, sent, command, periods } = await output(t, "velocity");
  command(0.5);
  let isDone = false;
  const done = node.deactivate().then(() => (isDone = true));
  while (!isDone) {
    command(0.5);
    periods(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  assert.equal(sent.at(-1), 0);
});
