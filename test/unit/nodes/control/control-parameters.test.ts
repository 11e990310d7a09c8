import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../../../src/config/package-root.ts";
import { parseStrict } from "../../../../src/config/parse-strict.ts";
import { velocityActionSpace } from "../../../../src/core/action.ts";
import { controlParameters, controlSetup } from "../../../../src/nodes/control/control-parameters.ts";
import { loadWorkspace } from "../../../../src/nodes/control/control-setup.ts";
import { sampleManifest } from "../../../support/sample-bundle.ts";
import { twoJoints } from "../../safety/robots.ts";

const parse = (value: object) => parseStrict(controlParameters, { model: "m", robot: "r", ...value }, "test");

test("safety is on by default, and plan ages follow the model's rate", () => {
  const { safety } = controlSetup(parse({ allowedMisses: 2 }), twoJoints("position"), {
    ...sampleManifest(),
    policyRateHz: 20,
    surpriseLimit: 4,
  });
  assert.deepEqual([safety.latePlanMs, safety.maxPlanAgeMs], [75, 175]);
  assert.deepEqual([safety.surpriseWarn, safety.surpriseError], [2, 4]);
  for (const [name, value] of Object.entries(safety)) {
    if (typeof value === "number") assert.ok(value > 0 && Number.isFinite(value), `${name} is ${value}`);
  }
});

test("a misspelt parameter is refused with the nearest one", () => {
  assert.throws(() => parse({ safety: { maxJointStateAge: 10 } }), {
    code: "ERR_UNKNOWN_KEY",
    message: /'safety.maxJointStateAge'.*'maxJointStateAgeMs'/,
  });
  assert.throws(() => parse({ commandRateHz: 5 }), { code: "ERR_INVALID_VALUE" });
});

test("the robot slows down where the bundle was calibrated to, unless the operator says otherwise", () => {
  const warnOf = (parameters: object, surprise: object) =>
    controlSetup(parse(parameters), twoJoints("position"), { ...sampleManifest(), ...surprise }).safety.surpriseWarn;
  assert.equal(warnOf({}, { surpriseLimit: 4, surpriseWarn: 0.3 }), 0.3);
  assert.equal(warnOf({}, { surpriseLimit: 4 }), 2);
  assert.equal(warnOf({ surpriseWarnShare: 0.25 }, { surpriseLimit: 4, surpriseWarn: 0.3 }), 1);
  assert.equal(warnOf({}, {}), Number.POSITIVE_INFINITY);
});

test("a workspace knows where the robot's links are by its description, in the robot's order of joints", async () => {
  const urdf = join(root, "calibration/robots/planar-reacher.urdf");
  const joints = ["wrist", "shoulder"].map((name) => ({ ...twoJoints("position").joints[0]!, name }));
  const box = { lower: [-1, -1, -1], upper: [1, 1, 1] };
  const setupOf = (workspace: object) =>
    controlSetup(
      parse({ workspace: { ...box, ...workspace } }),
      { ...twoJoints("position"), joints },
      sampleManifest(),
    );
  const { workspace } = setupOf({ urdf, links: ["forearm", "finger"] });
  const { pointCount, forwardKinematics } = await loadWorkspace(workspace!);
  const points = new Float64Array(3 * pointCount);
  forwardKinematics(Float64Array.of(-Math.PI / 2, Math.PI / 2), points); // shoulder a quarter to the left, wrist back
  const expected = [0, 0.12, 0.01, 0.12, 0.12, 0.01];
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(points[i]! - value) < 1e-12, `${points}`);
  const kinematics = { module: "file:///a.js" };
  for (const workspace of [{}, { urdf }, { urdf, links: ["finger"], kinematics }]) {
    assert.throws(() => setupOf(workspace), { code: "ERR_INVALID_ARGUMENT", message: /'urdf' and 'links'/ });
  }
});

test("without a bundle actions are joint velocities, full speed at 1", () => {
  const { dimensions } = velocityActionSpace(twoJoints("position"));
  assert.deepEqual(
    dimensions.map(({ name, unit, low, high }) => [name, unit, low, high]),
    [
      ["shoulder", "rad/s", -2, 2],
      ["elbow", "rad/s", -1, 1],
    ],
  );
});
