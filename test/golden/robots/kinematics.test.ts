import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { quaternionOf } from "../../../src/math/quaternion.ts";
import { SerialChain } from "../../../src/math/serial-chain.ts";
import { chainBetween } from "../../../src/robots/index.ts";

interface Case {
  readonly positions: Readonly<Record<string, number>>;
  readonly velocities: Readonly<Record<string, number>>;
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  readonly linear: readonly number[];
  readonly angular: readonly number[];
}

const TOLERANCE = 1e-9;
const JOINTS = ["roll", "slide", "lift", "pan"]; // in another order than the chain
const folder = new URL("../../../../test/golden/robots/", import.meta.url); // seen from dist/test/golden/robots
const cases: Case[] = JSON.parse(readFileSync(new URL("kinematics.json", folder), "utf8"));
const urdf = readFileSync(new URL("arm.urdf", folder), "utf8");
const chain = new SerialChain(chainBetween(urdf, "base", "tool", JOINTS));
const inOrder = (values: Readonly<Record<string, number>>) => JOINTS.map((name) => values[name]!);

function assertClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i]! - value) < TOLERANCE, `${Array.from(actual)} instead of ${expected}`);
  });
}

test("the tip lies and turns where MuJoCo puts it, through turning, sliding and fixed joints", () => {
  for (const { positions, position, orientation } of cases) {
    chain.update(inOrder(positions));
    assertClose(chain.tip, position);
    assertClose(quaternionOf(chain.rotation), orientation);
  }
});

test("joint velocities move the tip as MuJoCo's Jacobian says", () => {
  const jacobian = new Float64Array(6 * JOINTS.length);
  for (const { positions, velocities, linear, angular } of cases) {
    chain.update(inOrder(positions));
    chain.jacobianInto(jacobian);
    const speeds = inOrder(velocities);
    const twist = [0, 1, 2, 3, 4, 5].map((k) => speeds.reduce((sum, v, i) => sum + jacobian[k * 4 + i]! * v, 0));
    assertClose(twist, [...linear, ...angular]);
  }
});

test("a chain is refused between links that no joints join, or that other joints join", () => {
  const error = { code: "ERR_JOINT_MISSING" };
  assert.throws(() => chainBetween(urdf, "base", "gripper", JOINTS), error);
  assert.throws(() => chainBetween(urdf, "tool", "base", JOINTS), error);
  assert.throws(() => chainBetween(urdf, "nowhere", "tool", JOINTS), error);
  assert.throws(() => chainBetween(urdf, "base", "tool", JOINTS.slice(1)), error);
  assert.throws(() => chainBetween(urdf, "tool", "tool", JOINTS), error);
});
