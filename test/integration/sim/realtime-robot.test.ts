import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { LatentloopError } from "../../../src/core/errors.ts";
import { RealtimeRobot } from "../../../src/sim/realtime-robot.ts";

/** Ports that resolve once the condition holds after a report. */
function watch() {
  const heard = { positions: [] as number[][], images: new Map<string, number>(), stamps: [] as bigint[] };
  const errors: LatentloopError[] = [];
  let check = () => {};
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      check = () => condition() && resolve();
      check();
    });
  const ports = {
    onJointState(_: readonly string[], positions: Float64Array, __: Float64Array, stampNs: bigint) {
      heard.positions.push([...positions]);
      heard.stamps.push(stampNs);
      check();
    },
    onImage(camera: string, pixels: Uint8Array) {
      assert.equal(pixels.length, 64 * 64 * 3);
      heard.images.set(camera, (heard.images.get(camera) ?? 0) + 1);
      check();
    },
    onScore: () => check(),
    onError(error: LatentloopError) {
      errors.push(error);
      check();
    },
  };
  return { heard, errors, ports, until };
}

test("a robot in its own thread reports joints and pictures, obeys commands, and ends when closed", async () => {
  const clock = systemClock();
  const { heard, errors, ports, until } = watch();
  const startNs = clock.rosNs();
  const robot = await RealtimeRobot.start({ task: "arm-reach", ports, clock, environment: { seed: 2 } });
  assert.equal(robot.robot.commandInterface, "position");
  assert.deepEqual(
    robot.cameras.map(({ name, width }) => [name, width]),
    [
      ["scene", 64],
      ["wrist", 64],
    ],
  );
  await until(() => heard.positions.length > 0);
  const start = heard.positions[0]![0]!;
  const goal = start > 0 ? start - 0.5 : start + 0.5;
  robot.setCommand("position", [goal, 0, 1, 0.4, 0]);
  await until(() => Math.abs(heard.positions.at(-1)![0]! - goal) < 0.1);
  await until(() => (heard.images.get("scene") ?? 0) >= 3 && (heard.images.get("wrist") ?? 0) >= 3);
  assert.ok(heard.stamps.every((stamp, i) => i === 0 || stamp > heard.stamps[i - 1]!));
  assert.ok(heard.stamps[0]! >= startNs && heard.stamps.at(-1)! <= clock.rosNs());
  await until(() => robot.score !== undefined);

  robot.setCommand("effort", [0, 0, 0, 0, 0]);
  await until(() => errors.length > 0);
  assert.equal(errors[0]!.code, "ERR_INVALID_ARGUMENT", "a refused command is reported, and the robot goes on");
  const before = heard.positions.length;
  await until(() => heard.positions.length > before);
  await robot.close();
  await robot.close();
});

test("what cannot be a robot is refused at the start", async () => {
  const { ports } = watch();
  const clock = systemClock();
  await assert.rejects(RealtimeRobot.start({ task: "fly", ports, clock }), { code: "ERR_SIM_TASK", message: /"fly"/ });
  await assert.rejects(RealtimeRobot.start({ task: "walker-walk", ports, clock }), { code: "ERR_SIM_TASK" });
});
