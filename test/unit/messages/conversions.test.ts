import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Clock } from "../../../src/core/clock.ts";
import type { Plan } from "../../../src/core/plan.ts";
import type { RobotModel } from "../../../src/core/robot.ts";
import {
  borrowRawImage,
  cameraModelFromMessage,
  cameraModelToMessage,
  deserializeMessage,
  diagnosticsToMessage,
  imageToMessage,
  jointStateFromMessage,
  jointStateToMessage,
  makeHeader,
  nsFromTime,
  planFromMessage,
  planToMessage,
  serializeMessage,
  timeFromNs,
} from "../../../src/messages/index.ts";

const clock = (monotonicNs: number, rosNs: bigint): Clock => ({ monotonicNs: () => monotonicNs, rosNs: () => rosNs });

test("stamps before and after the epoch come back exactly, with nanosec in [0, 1e9)", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 61n), max: 2n ** 60n }), (stampNs) => {
      const time = timeFromNs(stampNs);
      assert.ok(time.nanosec >= 0 && time.nanosec < 1e9);
      assert.equal(nsFromTime(time), stampNs);
    }),
  );
});

const plan: Plan = {
  id: 41,
  actions: Float32Array.of(0.5, -0.5, 1, -1, 0, 0.25),
  horizon: 3,
  actionDimension: 2,
  startNs: 5e12 + 7,
  stepPeriodNs: 5e7,
  observationStampNs: 1_766_000_000_123_456_789n,
  observationArrivalNs: 5e12 - 3e7,
  modelHash: "00ff00ff00ff00ff",
  rung: "policy-prior",
  value: 1.5,
  surprise: 0.25,
  delayNs: 3e7,
  computeNs: 2e7,
};

test("a plan survives the message and its bytes", () => {
  const message = planToMessage(plan, clock(5e12, 1_766_000_000_200_000_000n));
  assert.equal(nsFromTime(message.header.stamp), 1_766_000_000_200_000_007n);
  const copy = planFromMessage(
    deserializeMessage("latentloop_msgs/msg/Plan", serializeMessage("latentloop_msgs/msg/Plan", message)),
  );
  assert.deepEqual(copy, plan);
});

test("a plan from another host is carried over to this host's monotonic clock", () => {
  const ros = 1_766_000_000_200_000_000n;
  const message = planToMessage(plan, clock(5e12, ros));
  const here = planFromMessage(message, clock(9e9, ros + 1_000_000n)); // this host booted 9 s ago, 1 ms has passed
  assert.equal(here.startNs, 9e9 + 7 - 1e6);
  assert.equal(here.observationArrivalNs, 9e9 - 3e7 - 1e6);
});

test("a plan with an unknown rung or a torn step is refused", () => {
  const message = planToMessage(plan, clock(0, 0n));
  assert.throws(() => planFromMessage({ ...message, rung: 9 }), {
    code: "ERR_MESSAGE_MALFORMED",
    message: /received 9/,
  });
  for (const action_dimension of [0, 4]) {
    assert.throws(() => planFromMessage({ ...message, action_dimension }), { code: "ERR_MESSAGE_MALFORMED" });
  }
});

const limits = { lower: -1, upper: 1, velocity: 1, acceleration: 1 };
const robot: RobotModel = {
  name: "arm",
  joints: [
    { name: "base", limits },
    { name: "tip", limits },
  ],
  commandInterface: "position",
};
const message = {
  header: makeHeader(42n),
  name: ["gripper", "tip", "base"],
  position: [9, 2, 1],
  velocity: [90, 20, 10],
  effort: [],
};

test("joints are found by name, in whatever order and company", () => {
  assert.deepEqual(jointStateFromMessage(robot, message, 7), {
    positions: Float64Array.of(1, 2),
    velocities: Float64Array.of(10, 20),
    stampNs: 42n,
    arrivalNs: 7,
  });
  const state = jointStateFromMessage(robot, message, 7);
  assert.deepEqual(jointStateFromMessage(robot, jointStateToMessage(robot, state), 7), state);
});

test("a joint that is missing, or has no position or velocity, is named", () => {
  const cases = [
    [{ ...message, name: ["gripper", "tap", "base"] }, /an entry for joint 'tip'.*gripper, tap, base/],
    [{ ...message, position: [9] }, /a position for joint 'base'.*array of 1/],
    [{ ...message, velocity: [] }, /a velocity for joint 'base'.*array of 0/],
  ] as const;
  for (const [broken, sentence] of cases) {
    assert.throws(() => jointStateFromMessage(robot, broken, 0), { code: "ERR_JOINT_MISSING", message: sentence });
  }
});

test("images keep their pixels, stride and ROS spelling of the encoding", () => {
  const image = {
    encoding: "yuyv",
    width: 2,
    height: 2,
    stride: 6,
    data: Uint8Array.from({ length: 12 }, (_, i) => i),
    stampNs: 5n,
  } as const;
  const sent = imageToMessage(image, "optical");
  assert.deepEqual([sent.encoding, sent.step, sent.header.frame_id], ["yuv422_yuy2", 6, "optical"]);
  assert.deepEqual(borrowRawImage(sent), image);
  assert.equal(borrowRawImage(sent).data, image.data);
});

test("an image of an unknown encoding or with too little data is refused", () => {
  const sent = imageToMessage(
    { encoding: "rgb8", width: 1, height: 2, stride: 3, data: new Uint8Array(6), stampNs: 0n },
    "",
  );
  assert.throws(() => borrowRawImage({ ...sent, encoding: "toString" }), {
    code: "ERR_MESSAGE_MALFORMED",
    message: /'toString'/,
  });
  assert.throws(() => borrowRawImage({ ...sent, data: new Uint8Array(5) }), { message: /2 rows of 3 bytes.*5 bytes/ });
});

test("a camera model survives its camera_info; an uncalibrated one is refused", () => {
  const model = {
    name: "wrist",
    width: 640,
    height: 480,
    K: [500, 0, 320, 0, 500, 240, 0, 0, 1],
    distortionModel: "equidistant",
    D: [0.1, 0.2, 0.3, 0.4],
    R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    P: [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0],
  } as const;
  const info = cameraModelToMessage(model, 1n, "optical");
  assert.deepEqual(cameraModelFromMessage("wrist", info), model);
  assert.throws(() => cameraModelFromMessage("wrist", { ...info, k: new Float64Array(9) }), /uncalibrated/);
  assert.throws(() => cameraModelFromMessage("wrist", { ...info, distortion_model: "fov" }), /'fov'/);
});

test("diagnoses become one status each, with ROS's levels", () => {
  const { status } = diagnosticsToMessage(
    "control",
    [
      ["loop", { level: "ok", message: "on time", values: { rate: 100 } }],
      ["camera", { level: "stale", message: "silent", values: {} }],
    ],
    1n,
  );
  assert.deepEqual(
    status.map(({ level, name, values }) => [level, name, values]),
    [
      [0, "control: loop", [{ key: "rate", value: "100" }]],
      [3, "control: camera", []],
    ],
  );
});
