import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NodeContext } from "../../../src/core/node.ts";
import type { RobotModel } from "../../../src/core/robot.ts";
import type {
  Float64MultiArray,
  JointJog,
  JointTrajectory,
  RosMessages,
  TwistStamped,
} from "../../../src/messages/index.ts";
import { ROBOT_OUTPUTS, type RobotOutputKind } from "../../../src/robots/index.ts";

const limits = { lower: -2, upper: 2, velocity: 2, acceleration: 4 };
const robot: RobotModel = {
  name: "arm",
  commandInterface: "position",
  joints: ["base", "elbow", "gripper"].map((name) => ({ name, limits })),
};
const RATE_HZ = 100;
const velocityRobot: RobotModel = { ...robot, commandInterface: "velocity" };
/** Each kind with a robot that it takes. */
const KINDS = (Object.keys(ROBOT_OUTPUTS) as RobotOutputKind[]).map(
  (kind) => [kind, kind.startsWith("servo") ? velocityRobot : robot] as const,
);
/** Two links of 1 m, turning about z. */
const planarArm = `<robot name="arm">
  <joint name="base" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 0 1"/></joint>
  <joint name="elbow" type="revolute"><parent link="upper"/><child link="fore"/><origin xyz="1 0 0"/><axis xyz="0 0 1"/></joint>
  <joint name="end" type="fixed"><parent link="fore"/><child link="tool"/><origin xyz="1 0 0"/></joint>
</robot>`;

/** An output with its messages and a clock that stands until it is set. */
function open(kind: RobotOutputKind, joints: readonly string[], model = robot) {
  const sent: unknown[] = [];
  const clock = { nowNs: 0 };
  const heard = new Map<string, (message: unknown) => void>();
  const goals: object[] = [];
  const gripper = { isServed: true, outcome: "succeeded" };
  const context = {
    clock: { monotonicNs: () => clock.nowNs, rosNs: () => 0n },
    publisher: () => ({
      dropped: 0,
      subscribers: 0,
      publishSerialized: () => assert.fail(),
      publish: (message: unknown) => sent.push(structuredClone(message)),
    }),
    subscribe: (topic: string, _: string, onMessage: (message: unknown) => void) => heard.set(topic, onMessage),
    action: () => ({
      get isServed() {
        return gripper.isServed;
      },
      async send(goal: object) {
        goals.push(goal);
        return gripper.outcome;
      },
    }),
  } as unknown as NodeContext<RosMessages>;
  const further = {
    base: "base",
    tip: "tool",
    maxEffort: 5,
    goalTolerance: 0.01,
    commandRateHz: RATE_HZ,
    leadPeriods: 3,
  };
  const options = { context, robot: model, topic: "controller", joints, ...further };
  const output = ROBOT_OUTPUTS[kind](options);
  return { output, sent, clock, goals, gripper, say: (topic: string, message: unknown) => heard.get(topic)?.(message) };
}

const trajectoryAt = (sent: unknown[], i: number) => sent.at(i) as JointTrajectory;
const seconds = ({ sec, nanosec }: { sec: number; nanosec: number }) => sec + nanosec / 1e9;

test("a controller gets its joints by name, in its own order", () => {
  const { output, sent } = open("joint-group", ["gripper", "base"]);
  output.write([1, 2, 3]);
  assert.deepEqual((sent[0] as Float64MultiArray).data, Float64Array.of(3, 1));
});

for (const [kind, model] of KINDS) {
  test(`${kind}: a joint that the robot does not have is refused by name`, () => {
    assert.throws(() => open(kind, ["base", "wrist"], model), { code: "ERR_JOINT_MISSING", message: /'wrist'/ });
    assert.throws(() => open(kind, ["base", "base"], model), { code: "ERR_JOINT_MISSING", message: /'base' twice/ });
  });

  test(`${kind}: it tells whether a controller listens`, () => {
    const { output, gripper } = open(kind, ["base"], model);
    gripper.isServed = false;
    assert.equal(output.listeners, 0);
  });
}

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

test("the velocity after a lost command is that of the periods that passed", () => {
  const { output, sent, clock } = open("joint-trajectory", ["base"]);
  output.write([0.1, 0, 0]);
  clock.nowNs += 2.2e9 / RATE_HZ;
  output.write([0.12, 0, 0]);
  assert.ok(Math.abs(trajectoryAt(sent, 1).points[0]!.velocities[0]! - 1) < 1e-9);
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
  assert.throws(() => open("joint-trajectory", ["base"], velocityRobot), { code: "ERR_INVALID_ARGUMENT" });
});

test("a servo's joint jog carries the velocities by name, and the frame", () => {
  const { output, sent } = open("servo-joint-jog", ["elbow", "base"], velocityRobot);
  output.write([0.1, 0.2, 0.3]);
  const { header, ...jog } = sent[0] as JointJog;
  assert.equal(header.frame_id, "base");
  assert.deepEqual(jog, { joint_names: ["elbow", "base"], displacements: [], velocities: [0.2, 0.1], duration: 0 });
});

test("a servo's twist is what the joint velocities do to the tip where the joints are now", () => {
  const { output, sent, say } = open("servo-twist", ["elbow", "base"], velocityRobot);
  say("robot_description", { data: planarArm });
  say("joint_states", { name: ["elbow", "gripper", "base"], position: [Math.PI / 2, 1, 0] });
  output.write([0.5, 0.25, 9]); // the tip at (1, 1): the base moves it by (-1, 1), the elbow by (-1, 0)
  const { header, twist } = sent[0] as TwistStamped;
  assert.equal(header.frame_id, "base");
  assert.ok(Math.abs(twist.linear.x + 0.75) < 1e-12 && Math.abs(twist.linear.y - 0.5) < 1e-12);
  assert.deepEqual(twist.angular, { x: 0, y: 0, z: 0.75 });
  assert.equal(output.fault, undefined);
});

test("a servo sends no twist, and says why, until it knows the arm and where it is", () => {
  const { output, sent, say } = open("servo-twist", ["elbow", "base"], velocityRobot);
  output.write([0.5, 0.25, 0]);
  assert.match(output.fault ?? "", /no robot_description/);
  say("robot_description", { data: planarArm });
  say("joint_states", { name: ["elbow"], position: [1] });
  output.write([0.5, 0.25, 0]);
  assert.match(output.fault ?? "", /no joint state/);
  assert.deepEqual(sent, []);
});

test("a servo whose joints are not those of the chain says which are", () => {
  const { output, say } = open("servo-twist", ["base"], velocityRobot);
  assert.throws(() => say("robot_description", { data: planarArm }), { code: "ERR_JOINT_MISSING" });
  assert.match(output.fault ?? "", /'tool' against 'base'.*among base but found 1 others/);
});

test("velocities of a servo are refused for a robot that takes positions", () => {
  for (const kind of ["servo-twist", "servo-joint-jog"] as const)
    assert.throws(() => open(kind, ["base"]), { code: "ERR_INVALID_ARGUMENT", remedy: /joint group/ });
});

test("a gripper gets a goal when its command changes enough, at most ten times a second, and the last one in the end", async () => {
  const { output, goals, clock } = open("gripper-command", ["gripper"]);
  for (let tick = 0; tick < 30; tick++) {
    output.write([0, 0, Math.min(0.5, 0.05 * tick)]); // opens within 0.1 s
    clock.nowNs += 1e9 / RATE_HZ;
  }
  const goal = (position: number) => ({ command: { position, max_effort: 5 } });
  assert.deepEqual(goals, [goal(0), goal(0.5)]);
  output.write([0, 0, 0.505]); // within the tolerance
  assert.equal(goals.length, 2);
});

test("a gripper's goal waits for its server, and a rejected one is a fault that says so", async () => {
  const { output, goals, gripper } = open("gripper-command", ["gripper"]);
  gripper.isServed = false;
  output.write([0, 0, 1]);
  assert.deepEqual(goals, []);
  gripper.isServed = true;
  gripper.outcome = "rejected";
  output.write([0, 0, 1]);
  await Promise.resolve().then(() => undefined);
  assert.match(output.fault ?? "", /'controller' rejected the goal 1/);
});
