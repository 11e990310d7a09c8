import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NodeContext } from "../../../src/core/node.ts";
import type { RobotModel } from "../../../src/core/robot.ts";
import type { Float64MultiArray, JointTrajectory, RosMessages } from "../../../src/messages/index.ts";
import { ROBOT_OUTPUTS, type RobotOutputKind } from "../../../src/robots/index.ts";

const limits = { lower: -2, upper: 2, velocity: 2, acceleration: 4 };
const robot: RobotModel = {
  name: "arm",
  commandInterface: "position",
  joints: ["base", "elbow", "gripper"].map((name) => ({ name, limits })),
};
const RATE_HZ = 100;

/** An output with its messages and a clock that stands until it is set. */
function open(kind: RobotOutputKind, joints: readonly string[], model = robot) {
  const sent: unknown[] = [];
  const clock = { nowNs: 0 };
  const context = {
    clock: { monotonicNs: () => clock.nowNs, rosNs: () => 0n },
    publisher: () => ({
      dropped: 0,
      subscribers: 0,
      publishSerialized: () => assert.fail(),
      publish: (message: unknown) => sent.push(structuredClone(message)),
    }),
  } as unknown as NodeContext<RosMessages>;
  const options = { context, robot: model, topic: "controller", joints, commandRateHz: RATE_HZ, leadPeriods: 3 };
  return { output: ROBOT_OUTPUTS[kind](options), sent, clock };
}

const trajectoryAt = (sent: unknown[], i: number) => sent.at(i) as JointTrajectory;
const seconds = ({ sec, nanosec }: { sec: number; nanosec: number }) => sec + nanosec / 1e9;

test("a controller gets its joints by name, in its own order", () => {
  const { output, sent } = open("joint-group", ["gripper", "base"]);
  output.write([1, 2, 3]);
  assert.deepEqual((sent[0] as Float64MultiArray).data, Float64Array.of(3, 1));
});

for (const kind of Object.keys(ROBOT_OUTPUTS) as RobotOutputKind[]) {
  test(`${kind}: a joint that the robot does not have is refused by name`, () => {
    assert.throws(() => open(kind, ["base", "wrist"]), { code: "ERR_JOINT_MISSING", message: /'wrist'/ });
    assert.throws(() => open(kind, ["base", "base"]), { code: "ERR_JOINT_MISSING", message: /'base' twice/ });
  });
}

test("an output tells whether a controller listens", () => {
  for (const kind of Object.keys(ROBOT_OUTPUTS) as RobotOutputKind[])
    assert.equal(open(kind, ["base"]).output.listeners, 0);
});

test("a trajectory that follows another passes its point with the commands' own velocity", () => {
  const { output, sent, clock } = open("joint-trajectory", ["base", "elbow"]);
  output.write([0.1, 0, 0]);
  clock.nowNs += 1e9 / RATE_HZ;
  output.write([0.11, 0, 0]);
  const { header, joint_names, points } = trajectoryAt(sent, 1);
  assert.deepEqual(header.stamp, { sec: 0, nanosec: 0 });
  assert.deepEqual(joint_names, ["base", "elbow"]);
  assert.ok(Math.abs(points[0]!.velocities[0]! - 1) < 1e-9);
  assert.equal(points[0]!.velocities[1], 0);
  assert.equal(seconds(points[0]!.time_from_start), 0.03);
});

test("without a further command the arm brakes with its own acceleration and rests", () => {
  const { output, sent, clock } = open("joint-trajectory", ["base"]);
  output.write([0.1, 0, 0]);
  clock.nowNs += 1e9 / RATE_HZ;
  output.write([0.12, 0, 0]); // 2 rad/s, braked with 4 rad/s²: 0.5 s and 0.5 rad
  const [, rest] = trajectoryAt(sent, 1).points;
  assert.equal(rest?.velocities[0], 0);
  assert.ok(Math.abs(rest.positions[0]! - 0.62) < 1e-9);
  assert.ok(Math.abs(seconds(rest.time_from_start) - 0.53) < 1e-9);
});

test("the first command, and one after a pause, begins from rest", () => {
  const { output, sent, clock } = open("joint-trajectory", ["base"]);
  output.write([0.1, 0, 0]);
  clock.nowNs += 1e9;
  output.write([0.5, 0, 0]);
  for (const i of [0, 1]) assert.equal(trajectoryAt(sent, i).points.length, 1);
  assert.equal(trajectoryAt(sent, 1).points[0]!.velocities[0], 0);
});

test("every trajectory ends at rest inside the limits, its points in order of time", () => {
  const command = fc.double({ min: -2, max: 2, noNaN: true });
  fc.assert(
    fc.property(fc.array(command, { minLength: 2, maxLength: 20 }), (commands) => {
      const { output, sent, clock } = open("joint-trajectory", ["base"]);
      for (const value of commands) {
        output.write([value, 0, 0]);
        clock.nowNs += 1e9 / RATE_HZ;
      }
      for (const message of sent) {
        const { points } = message as JointTrajectory;
        const end = points.at(-1)!;
        assert.equal(end.velocities[0], 0);
        assert.ok(end.positions[0]! >= limits.lower && end.positions[0]! <= limits.upper);
        const times = points.map(({ time_from_start }) => seconds(time_from_start));
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
      }
    }),
  );
});

test("trajectories of positions are refused for a robot that takes velocities", () => {
  const velocityRobot: RobotModel = { ...robot, commandInterface: "velocity" };
  assert.throws(() => open("joint-trajectory", ["base"], velocityRobot), { code: "ERR_INVALID_ARGUMENT" });
});
