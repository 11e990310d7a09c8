import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { root } from "../../../src/config/package-root.ts";
import { chainFromUrdf } from "../../../src/config/urdf-chain.ts";
import type { KinematicChain } from "../../../src/core/kinematic-chain.ts";
import { SerialChain } from "../../../src/math/serial-chain.ts";
import { Physics } from "../../../src/sim/physics.ts";
import { armReach } from "../../../src/sim/tasks/arm-reach.ts";
import { reach } from "../../../src/sim/tasks/reach.ts";

const RUNS = { numRuns: 100, seed: 1 };
const angle = fc.double({ min: -3, max: 3, noNaN: true });
const vector = fc.tuple(angle, angle, angle);

/** Any chain of turning, sliding and fixed joints, every one but the fixed ones of the robot. */
const anyChain: fc.Arbitrary<KinematicChain> = fc
  .array(
    fc.record({ kind: fc.constantFrom("revolute", "prismatic", "fixed"), xyz: vector, rpy: vector, axis: vector }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((joints) =>
    joints.map(({ kind, xyz, rpy, axis }, index) => {
      const length = Math.hypot(...axis);
      const unit =
        length < 0.1 ? ([0, 0, 1] as const) : ([axis[0] / length, axis[1] / length, axis[2] / length] as const);
      return { kind: kind as "revolute" | "prismatic" | "fixed", xyz, rpy, axis: unit, index };
    }),
  );

function tipOf(chain: KinematicChain, positions: Float64Array) {
  const serial = new SerialChain(chain);
  serial.update(positions);
  return { tip: serial.tip, rotation: serial.rotation };
}

test("the Jacobian is the derivative of the tip's place and orientation", () => {
  fc.assert(
    fc.property(anyChain, fc.array(angle, { minLength: 6, maxLength: 6 }), (chain, values) => {
      const positions = Float64Array.from(values);
      const serial = new SerialChain(chain);
      serial.update(positions);
      const jacobian = new Float64Array(36);
      serial.jacobianInto(jacobian);
      const step = 1e-6;
      for (let j = 0; j < 6; j++) {
        const moved = (by: number) => tipOf(chain, positions.with(j, positions[j]! + by));
        const [after, before] = [moved(step), moved(-step)];
        for (let i = 0; i < 3; i++) {
          assert.ok(Math.abs((after.tip[i]! - before.tip[i]!) / (2 * step) - jacobian[6 * i + j]!) < 1e-6);
        }
        // [ω]× = dR Rᵀ: its lower triangle holds the angular velocity.
        const spin = (row: number, column: number) =>
          [0, 1, 2].reduce((sum, k) => {
            const rate = (after.rotation[3 * row + k]! - before.rotation[3 * row + k]!) / (2 * step);
            return sum + rate * serial.rotation[3 * column + k]!;
          }, 0);
        const angular = [spin(2, 1), spin(0, 2), spin(1, 0)];
        for (const [i, rate] of angular.entries()) assert.ok(Math.abs(rate - jacobian[6 * (3 + i) + j]!) < 1e-6);
      }
    }),
    RUNS,
  );
});

const ARMS = [
  { task: armReach, urdf: "table-arm.urdf", link: "grip", body: "site", place: "site_xpos" },
  { task: reach, urdf: "planar-reacher.urdf", link: "finger", body: "body", place: "xpos" },
] as const;
for (const { task, urdf, link, body, place } of ARMS) {
  test(`${urdf} puts ${link} where the simulator has it`, async () => {
    using physics = await Physics.compile(task.mjcf);
    const { actuation } = task;
    assert.ok(actuation.kind !== "effort");
    const names = actuation.robot.joints.map(({ name }) => name);
    const chain = new SerialChain(
      chainFromUrdf(await readFile(join(root, "calibration/robots", urdf), "utf8"), link, names),
    );
    const id = physics.id(body, body === "site" ? "grip" : "finger");
    for (const seed of [0, 0.4, -0.7, 1.1]) {
      const positions = names.map((_, j) => seed + 0.1 * j);
      for (const [j, name] of names.entries()) {
        physics.borrow("qpos")[physics.borrowModel("jnt_qposadr")[physics.id("joint", name)]!] = positions[j]!;
      }
      physics.forward();
      chain.update(positions);
      for (let i = 0; i < 3; i++) assert.ok(Math.abs(chain.tip[i]! - physics.borrow(place)[3 * id + i]!) < 1e-9);
    }
  });
}

test("a link that no joint carries is refused with the links there are", async () => {
  const text = await readFile(join(root, "calibration/robots/planar-reacher.urdf"), "utf8");
  assert.throws(() => chainFromUrdf(text, "grip", []), { code: "ERR_JOINT_MISSING", remedy: /finger/ });
  assert.throws(() => chainFromUrdf(text.replace('xyz="0 0 1"', 'xyz="0 0 0"'), "finger", []), { code: "ERR_SYNTAX" });
});
