import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { LatentloopError } from "../../../src/core/errors.ts";

const schema = z.strictObject({
  commandRateHz: z.number().min(1).max(500).default(100).meta({ description: "Rate of commands.", unit: "Hz" }),
  robot: z.string().min(1).meta({ description: "Name of the robot." }),
  provider: z.enum(["auto", "cpu"]).default("auto"),
  limits: z.strictObject({ maxAgeMs: z.int().positive().default(50) }).prefault({}),
  joints: z.array(z.strictObject({ name: z.string(), bounds: z.tuple([z.number(), z.number()]) })).default([]),
  planner: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("mppi"), temperature: z.number().default(1) }),
      z.strictObject({ kind: z.literal("none") }),
    ])
    .default({ kind: "none" }),
});

function rejection(value: unknown): LatentloopError {
  try {
    parseStrict(schema, value, "arm.yaml");
  } catch (error) {
    assert.ok(error instanceof LatentloopError, String(error));
    return error;
  }
  return assert.fail("the value was accepted");
}

test("defaults are filled in, in groups too", () => {
  assert.deepEqual(parseStrict(schema, { robot: "ur5e" }, "arm.yaml"), {
    commandRateHz: 100,
    robot: "ur5e",
    provider: "auto",
    limits: { maxAgeMs: 50 },
    joints: [],
    planner: { kind: "none" },
  });
});

test("an unknown key is named with its place and the nearest known key", () => {
  const error = rejection({ robot: "ur5e", limits: { maxAgeMS: 20, maxAge: 3 } });
  assert.equal(error.code, "ERR_UNKNOWN_KEY");
  assert.equal(error.message, "Unknown key 'limits.maxAgeMS' in arm.yaml: the nearest known key is 'maxAgeMs'.");
  assert.match(error.remedy ?? "", /Known here: maxAgeMs\. Also: Unknown key 'limits\.maxAge'/);
});

test("a misspelt required key is reported as misspelt before it is reported as missing", () => {
  const error = rejection({ robto: "ur5e" });
  assert.match(error.message, /'robto'.*nearest known key is 'robot'/);
  assert.match(error.remedy ?? "", /Missing 'robot'/);
});

test("an unknown key inside a union is held against the option that the value chose", () => {
  const error = rejection({ robot: "r", planner: { kind: "mppi", temprature: 2 } });
  assert.match(error.message, /'planner\.temprature'.*nearest known key is 'temperature'/);
});

test("a missing key says what was expected", () => {
  const error = rejection({});
  assert.equal(error.code, "ERR_MISSING_KEY");
  assert.equal(error.message, "Missing 'robot' in arm.yaml: expected text that is not empty.");
  assert.equal(error.remedy, "Name of the robot.");
});

test("a value out of range is named with its range and unit", () => {
  const error = rejection({ robot: "r", commandRateHz: 1000 });
  assert.equal(error.code, "ERR_INVALID_VALUE");
  assert.equal(error.message, "Expected a number, 1 … 500 Hz for 'commandRateHz' in arm.yaml but received 1000.");
});

const invalid: readonly [name: string, value: object, message: RegExp][] = [
  [
    "text for a number",
    { commandRateHz: "fast" },
    /Expected a number, 1 … 500 Hz for 'commandRateHz'.*received "fast"/,
  ],
  ["a number that is not finite", { commandRateHz: Number.NaN }, /'commandRateHz'.*received NaN/],
  [
    "a fraction for a whole number",
    { limits: { maxAgeMs: 0.5 } },
    /Expected a whole number, > 0 for 'limits\.maxAgeMs'/,
  ],
  ["another choice", { provider: "gpu" }, /Expected one of "auto", "cpu" for 'provider'.*received "gpu"/],
  ["a list that is too short", { joints: [{ name: "j1", bounds: [0] }] }, /'joints\[0\]\.bounds/],
  ["a scalar for a group", { limits: 3 }, /Expected a group of keys for 'limits'.*received 3/],
  ["an unknown kind of union", { planner: { kind: "cem" } }, /'planner\.kind'.*received "cem"/],
  ["null", { robot: null }, /Expected text that is not empty for 'robot'.*received null/],
];
for (const [name, value, message] of invalid) {
  test(`${name} is an error that names the value and its place`, () => {
    assert.match(rejection({ robot: "r", ...value }).message, message);
  });
}

test("a content that is no group at all is named", () => {
  assert.match(rejection(3).message, /Expected a group of keys for the whole content in arm\.yaml but received 3/);
});
