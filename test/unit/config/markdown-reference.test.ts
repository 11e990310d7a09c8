import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { describeSchema } from "../../../src/config/describe-schema.ts";
import { renderReference, renderTable } from "../../../src/config/markdown-reference.ts";

const schema = z.strictObject({
  rateHz: z.number().min(1).max(500).default(100).meta({ description: "Rate.", unit: "Hz", readOnly: true }),
  names: z.array(z.string()).default(["a|b"]).describe("Names."),
  group: z.strictObject({ count: z.int().positive().default(3), mode: z.enum(["x", "y"]) }).prefault({ mode: "y" }),
  joints: z.array(z.strictObject({ limitRad: z.number().meta({ unit: "rad" }) })),
  cameras: z.record(z.string(), z.strictObject({ width: z.int() })),
});

test("every leaf becomes one description, with groups, lists and maps in its name", () => {
  assert.deepEqual(
    describeSchema(schema).map(({ name, type, unit, default: value }) => [name, type, unit, value]),
    [
      ["rateHz", "number", "Hz", 100],
      ["names", "list of strings", undefined, ["a|b"]],
      ["group.count", "integer", undefined, 3],
      ["group.mode", "string", undefined, "y"],
      ["joints[].limitRad", "number", "rad", undefined],
      ["cameras.<name>.width", "integer", undefined, undefined],
    ],
  );
});

test("what may be null says so, and a nullable group has a row of its own", () => {
  const nullable = z.strictObject({
    file: z.string().nullable().describe("File."),
    crop: z.strictObject({ x: z.int() }).nullable().describe("Crop."),
  });
  assert.deepEqual(
    describeSchema(nullable).map((row) => [row.name, row.type, row.nullable, row.description]),
    [
      ["file", "string", true, "File."],
      ["crop", "group", true, "Crop."],
      ["crop.x", "integer", false, ""],
    ],
  );
});

test("only what has neither a default nor a choice to leave it out is required", () => {
  const mixed = z.strictObject({
    given: z.string(),
    preset: z.string().default("x"),
    optional: z.string().optional(),
    map: z.record(z.string(), z.string()),
  });
  assert.deepEqual(
    describeSchema(mixed).map(({ name, required }) => [name, required]),
    [
      ["given", true],
      ["preset", false],
      ["optional", false],
      ["map.<name>", false],
    ],
  );
});

test("a group that may be left out has a row that says so, and its keys are required within it", () => {
  const optional = z.strictObject({
    box: z.strictObject({ lower: z.number() }).optional().describe("Box."),
    preset: z.strictObject({ rate: z.number().default(3) }).prefault({}),
  });
  assert.deepEqual(
    describeSchema(optional).map(({ name, type, required, description }) => [name, type, required, description]),
    [
      ["box", "group", false, "Box."],
      ["box.lower", "number", true, ""],
      ["preset.rate", "number", false, ""],
    ],
  );
  assert.match(renderTable(optional), /\| `box` \| group \| {2}\| \*optional\* \| {2}\| Box\. \|/);
});

test("a group that comes in several kinds has a table for each, with what that kind requires", () => {
  const kinds = z.discriminatedUnion("device", [
    z.strictObject({ device: z.literal("joy"), deadman: z.int(), axes: z.array(z.int()) }),
    z.strictObject({ device: z.literal("twist"), axes: z.array(z.string()).default(["x"]) }),
  ]);
  assert.deepEqual(
    describeSchema(kinds).map(({ name, type, variant }) => [name, type, variant]),
    [
      ["device", "string", "device: joy"],
      ["deadman", "integer", "device: joy"],
      ["axes", "list of numbers", "device: joy"],
      ["device", "string", "device: twist"],
      ["axes", "list of strings", "device: twist"],
    ],
  );
  const [, joy, twist] = renderTable(kinds).split(/With `device: (?:joy|twist)`:\n\n/);
  assert.match(joy!, /`deadman`/);
  assert.doesNotMatch(twist!, /`deadman`/);
});

test("ranges, choices and the read-only flag are carried", () => {
  const [rate, , count, mode] = describeSchema(schema);
  assert.deepEqual([rate?.minimum, rate?.maximum, rate?.range, rate?.readOnly], [1, 500, "1 … 500", true]);
  assert.equal(count?.range, "> 0");
  assert.deepEqual(mode?.choices, ["x", "y"]);
});

test("the table escapes what would break its cells", () => {
  const row = renderTable(schema).split("\n")[3];
  assert.equal(row, '| `names` | list of strings |  | `["a\\|b"]` |  | Names. |');
});

test("rows that repeat others can be left out", () => {
  assert.doesNotMatch(renderTable(schema, /^cameras\./), /cameras/);
});

test("a page has one heading and one table per schema", () => {
  const page = renderReference("Reference", "All.", [{ title: "Node", introduction: "One.", schema }]);
  assert.match(page, /^# Reference\n\nAll\.\n\n## Node\n\nOne\.\n\n\| key \| type/);
});
