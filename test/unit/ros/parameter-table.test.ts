import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { ParameterTable, type ParameterValue } from "../../../src/ros/parameter-table.ts";
import { PARAMETER_TYPE } from "../../../src/ros/rclnodejs.ts";

const schema = z.strictObject({
  model: z.string().meta({ description: "Folder of the bundle.", readOnly: true }),
  rateHz: z.number().min(1).max(500).default(100).meta({ description: "Rate.", unit: "Hz" }),
  horizon: z.int().min(1).default(8),
  threads: z.int().nullable().default(null),
  inference: z.strictObject({ cpuThreads: z.int().min(1).default(2) }).prefault({}),
  topics: z.array(z.strictObject({ name: z.string() })).default([]),
  labels: z.record(z.string(), z.string()).default({}),
  gains: z.array(z.number()).default([1, 2]),
  freeze: z.array(z.string()).default(["heads"]),
  note: z.string().default("none"),
  box: z.strictObject({ lower: z.number(), margin: z.number().default(0.1) }).optional(),
});
const table = new ParameterTable(schema);
const values = (entries: Record<string, ParameterValue>) => new Map(Object.entries(entries));

test("a schema's keys become snake_case parameters, groups joined by dots", () => {
  assert.deepEqual(
    table.rows.map(({ name }) => name),
    [
      "model",
      "rate_hz",
      "horizon",
      "threads",
      "inference.cpu_threads",
      "topics",
      "labels",
      "gains",
      "freeze",
      "note",
      "box.lower",
      "box.margin",
    ],
  );
});

test("a parameter carries its type, range, unit and whether it is read-only", () => {
  const rate = table.row("rate_hz");
  assert.equal(rate?.type, PARAMETER_TYPE.double);
  assert.deepEqual([rate?.minimum, rate?.maximum, rate?.default], [1, 500, 100]);
  assert.equal(rate?.description, "Rate. Unit: Hz.");
  assert.equal(table.row("model")?.readOnly, true);
  assert.equal(table.row("horizon")?.default, 8n);
});

test("what was not given is left to the schema's defaults", () => {
  const object = table.toObject(values({ model: "models/a" }));
  assert.deepEqual(schema.parse(object), schema.parse({ model: "models/a" }));
});

test("a missing value stays missing, so that the schema can name it", () => {
  assert.equal("model" in table.toObject(new Map()), false);
});

test("values go back to the schema's own keys and types", () => {
  const object = table.toObject(
    values({ model: "m", horizon: 12n, "inference.cpu_threads": 4n, threads: "3", gains: Float64Array.of(0.5) }),
  );
  const parsed = schema.parse(object);
  assert.deepEqual([parsed.horizon, parsed.inference.cpuThreads, parsed.threads], [12, 4, 3]);
  assert.deepEqual(parsed.gains, [0.5]);
});

test("lists of maps and maps by name are YAML in a string", () => {
  const parsed = schema.parse(table.toObject(values({ model: "m", topics: "[{name: plan}]", labels: "{who: me}" })));
  assert.deepEqual(parsed.topics, [{ name: "plan" }]);
  assert.deepEqual(parsed.labels, { who: "me" });
});

test("an optional group stays absent until something in it is given, then takes its own defaults", () => {
  assert.equal(schema.parse(table.toObject(values({ model: "m" }))).box, undefined);
  const { box } = schema.parse(table.toObject(values({ model: "m", "box.lower": -1 })));
  assert.deepEqual(box, { lower: -1, margin: 0.1 });
});

test("a value outside its range is refused with what was expected, whatever else is still missing", () => {
  assert.match(
    table.refusal(values({ rate_hz: 501 }), ["rate_hz"]) ?? "",
    /Expected 1 … 500 for 'rate_hz' but received 501/,
  );
  assert.equal(table.refusal(values({ rate_hz: 500 }), ["rate_hz"]), undefined);
});

test("what a node is started with is refused by the name that ROS knows", () => {
  const given = (entries: Record<string, ParameterValue>) => () => table.toValidObject(values(entries));
  const error = (message: RegExp) => ({ code: "ERR_INVALID_VALUE", message });
  assert.throws(given({ model: "m", rate_hz: 0 }), error(/Expected 1 … 500 for 'rate_hz' but received 0/));
  assert.throws(given({ model: "m", "inference.cpu_threads": 0n }), error(/'inference.cpu_threads' but received 0/));
  assert.throws(given({}), error(/Expected a value for 'model' but none was given/));
  assert.deepEqual(given({ model: "m" })(), { model: "m" });
});

test("a YAML value that is none is refused", () => {
  assert.match(table.refusal(values({ topics: "[{" }), ["topics"]) ?? "", /YAML in parameter 'topics'/);
});

test("an empty list or string is a value of its own where the default is another one", () => {
  const parsed = schema.parse(table.toObject(values({ model: "m", gains: [], freeze: [], note: "" })));
  assert.deepEqual([parsed.gains, parsed.freeze, parsed.note], [[], [], ""]);
});

test("NaN is refused where the default is a number, and is not given where there is none", () => {
  assert.match(table.refusal(values({ rate_hz: Number.NaN }), ["rate_hz"]) ?? "", /for 'rate_hz' but received NaN/);
  assert.equal("box" in table.toObject(values({ model: "m", "box.lower": Number.NaN })), false);
});
