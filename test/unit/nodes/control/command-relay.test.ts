import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandInterface } from "../../../../src/core/robot.ts";
import { CommandRelay } from "../../../../src/nodes/control/command-relay.ts";
import { TickRecord } from "../../../../src/nodes/control/tick-record.ts";
import { PERIOD_NS, twoJoints } from "../../safety/robots.ts";

/** A relay at 100 Hz whose commands and errors are kept, for joints of 2 and 1 rad/s. */
function relay(commandInterface: CommandInterface) {
  const sent: number[][] = [];
  const jumps: string[] = [];
  let nowNs = 1e9;
  const made = new CommandRelay({
    robot: twoJoints(commandInterface),
    commandRateHz: 100,
    nowNs: () => nowNs,
    send: (command) => void sent.push([...command]),
    onJump: (error) => void jumps.push(error.message),
  });
  /** The newest tick after a period: its command, or none, and how old it is. */
  const take = (command: readonly number[] | undefined, ageNs = 0) => {
    nowNs += PERIOD_NS;
    const record = new TickRecord(2, 2);
    record.set("commandNs", nowNs - ageNs);
    record.set("hasCommand", command === undefined ? 0 : 1);
    if (command !== undefined) record.command.set(command);
    made.take(record);
  };
  return { made, sent, jumps, take };
}

test("a command that is older than two periods does not leave", () => {
  for (const commandInterface of ["position", "velocity"] as const) {
    const { sent, take } = relay(commandInterface);
    take([0.1, 0], 2 * PERIOD_NS);
    take([0.11, 0], 2 * PERIOD_NS + 1e3);
    take([0.12, 0]);
    assert.deepEqual(sent, [
      [0.1, 0],
      [0.12, 0],
    ]);
  }
});

test("a position further off than three periods of full speed never leaves, and is told once", () => {
  const { made, sent, jumps, take } = relay("position");
  take([0, 0]);
  take([0.06, -0.03]);
  assert.equal(made.isOff, false);
  take([0.06, 0.001]);
  assert.equal(made.isOff, true);
  take([0.06, 0.005]);
  assert.deepEqual(sent, [
    [0, 0],
    [0.06, -0.03],
  ]);
  assert.equal(jumps.length, 1);
  assert.match(jumps[0]!, /joint "elbow"/);
});

test("commands leave again once the gate has sent none, and begins from where the robot is", () => {
  const { made, sent, take } = relay("position");
  take([0, 0]);
  take([1, 0]);
  take(undefined);
  assert.equal(made.isOff, false);
  take([0.9, 0]);
  assert.deepEqual(sent, [
    [0, 0],
    [0.9, 0],
  ]);
});

test("a velocity leaves however far it is from the last one: the robot would go on with that", () => {
  const { sent, jumps, take } = relay("velocity");
  take([2, 1]);
  take([0, 0]);
  assert.deepEqual(sent, [
    [2, 1],
    [0, 0],
  ]);
  assert.deepEqual(jumps, []);
});
