import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMIT_BITS } from "../../../src/core/status.ts";
import { SafetyGate, type Workspace } from "../../../src/safety/index.ts";
import { optionsFor, PERIOD_NS, twoJoints, wellAt } from "./robots.ts";

/** A planar arm of two links of 0.5 m: its elbow and its tip. */
function planarArm(positions: Float64Array, points: Float64Array): void {
  const shoulder = positions[0]!;
  const both = shoulder + positions[1]!;
  points[0] = 0.5 * Math.cos(shoulder);
  points[1] = 0.5 * Math.sin(shoulder);
  points[2] = 0;
  points[3] = points[0] + 0.5 * Math.cos(both);
  points[4] = points[1] + 0.5 * Math.sin(both);
  points[5] = 0;
}

const workspace: Workspace = {
  lower: [0.2, -0.4, -0.1],
  upper: [1.1, 0.6, 0.1],
  pointCount: 2,
  forwardKinematics: planarArm,
};

test("no request moves a point of the arm out of the workspace", () => {
  const requests = fc.array(
    fc.record({
      ticks: fc.integer({ min: 1, max: 150 }),
      requested: fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true })),
    }),
    { minLength: 1, maxLength: 15 },
  );
  let limited = 0;
  fc.assert(
    fc.property(requests, (plan) => {
      const gate = new SafetyGate(optionsFor(twoJoints("position"), { workspace, softStartMs: 10 }));
      const points = new Float64Array(6);
      let nowNs = 1e12;
      let actual: number[] = [0, 0];
      for (const { ticks, requested } of plan) {
        for (let i = 0; i < ticks; i++) {
          const evidence = wellAt((nowNs += PERIOD_NS), actual);
          const command = gate.pass(evidence, Float64Array.from(requested));
          if (command) actual = [...command.values];
          planarArm(Float64Array.from(actual), points);
          for (const [k, value] of points.entries()) {
            assert.ok(value >= workspace.lower[k % 3]! && value <= workspace.upper[k % 3]!, `point at ${value}`);
          }
          if (gate.limitBits & LIMIT_BITS.workspace) limited++;
          gate.arm(evidence);
        }
      }
    }),
    { seed: 4, numRuns: 100 },
  );
  assert.ok(limited > 100, `the workspace limited only ${limited} ticks: the property was hardly tried`);
});

test("a robot at the border of its workspace can still move away from it", () => {
  const gate = new SafetyGate(optionsFor(twoJoints("position"), { workspace, softStartMs: 10 }));
  let nowNs = 1e12;
  let actual: number[] = [0, 0];
  const run = (ticks: number, request: Float64Array) => {
    for (let i = 0; i < ticks; i++) {
      const evidence = wellAt((nowNs += PERIOD_NS), actual);
      const command = gate.pass(evidence, request);
      if (command) actual = [...command.values];
      gate.arm(evidence);
    }
  };
  run(300, Float64Array.of(2, 0));
  const border = actual[0]!;
  assert.ok(Math.abs(Math.sin(border) - 0.6) < 0.02, `stopped at ${border}`);
  run(50, Float64Array.of(-2, 0));
  assert.ok(actual[0]! < border - 0.1);
});

test("arming outside the workspace and a box that is empty are refused", () => {
  const gate = new SafetyGate(optionsFor(twoJoints("position"), { workspace }));
  const evidence = wellAt(1e12, [1.2, 0]);
  gate.pass(evidence, new Float64Array(2));
  assert.equal(gate.arm(evidence), "outside-workspace");
  const empty: Workspace = { ...workspace, lower: [0, 1, 0] };
  assert.throws(() => new SafetyGate(optionsFor(twoJoints("position"), { workspace: empty })), {
    code: "ERR_INVALID_ARGUMENT",
    message: /axis y.*1 and 0.6/,
  });
});
