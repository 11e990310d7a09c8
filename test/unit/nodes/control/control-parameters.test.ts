import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrict } from "../../../../src/config/parse-strict.ts";
import { controlParameters, controlSetup } from "../../../../src/nodes/control/control-parameters.ts";
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
