import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { KinematicChain } from "../../../src/robots/index.ts";

interface Case {
  readonly positions: Readonly<Record<string, number>>;
  readonly velocities: Readonly<Record<string, number>>;
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  readonly linear: readonly number[];
  readonly angular: readonly number[];
}

const TOLERANCE = 1e-9;
const folder = new URL("../../../../test/golden/robots/", import.meta.url); // seen from dist/test/golden/robots
const cases: Case[] = JSON.parse(readFileSync(new URL("kinematics.json", folder), "utf8"));
const chain = new KinematicChain(readFileSync(new URL("arm.urdf", folder), "utf8"), "base", "tool");

function close(actual: readonly number[], expected: readonly number[]): boolean {
  return actual.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE);
}

test("a chain has the moving joints of the description, from the base to the tip", () => {
  assert.deepEqual(chain.joints, ["pan", "lift", "slide", "roll"]);
});

test("the tip lies and turns where MuJoCo puts it, through turning, sliding and fixed joints", () => {
  for (const { positions, position, orientation } of cases) {
    const pose = chain.pose(new Map(Object.entries(positions)));
    assert.ok(close(pose.position, position), `${pose.position} ${position}`);
    assert.ok(close(pose.orientation, orientation), `${pose.orientation} ${orientation}`);
  }
});

test("joint velocities move the tip as MuJoCo's Jacobian says", () => {
  for (const { positions, velocities, linear, angular } of cases) {
    const twist = chain.twist(new Map(Object.entries(positions)), new Map(Object.entries(velocities)));
    assert.ok(close(twist.linear, linear), `${twist.linear} ${linear}`);
    assert.ok(close(twist.angular, angular), `${twist.angular} ${angular}`);
  }
});

test("links that no joints lead to are refused with those that there are", () => {
  const urdf = readFileSync(new URL("arm.urdf", folder), "utf8");
  const error = { code: "ERR_INVALID_ARGUMENT", message: /'base'.*'gripper'/, remedy: /tool/ };
  assert.throws(() => new KinematicChain(urdf, "base", "gripper"), error);
  assert.throws(() => new KinematicChain(urdf, "tool", "base"), { code: "ERR_INVALID_ARGUMENT" });
});
