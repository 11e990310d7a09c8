import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseConfig, readConfig } from "../../../src/config/read-config.ts";
import type { LatentloopError } from "../../../src/core/errors.ts";

const schema = z.strictObject({
  robot: z.strictObject({ name: z.string(), joints: z.array(z.strictObject({ name: z.string() })) }),
});

test("YAML is read with its types", () => {
  const value = parseConfig(schema, "robot:\n  name: '7'\n  joints: [{name: j1}]\n", "arm.yaml");
  assert.deepEqual(value, { robot: { name: "7", joints: [{ name: "j1" }] } });
});

test("an error names the line of the value in YAML", () => {
  const text = "robot:\n  name: arm\n  joints:\n    - name: j1\n    - nam: j2\n";
  assert.throws(() => parseConfig(schema, text, "arm.yaml"), {
    code: "ERR_UNKNOWN_KEY",
    message: "Unknown key 'robot.joints[1].nam' in arm.yaml:5: the nearest known key is 'name'.",
  });
});

test("a missing key names the line of the group that lacks it", () => {
  assert.throws(() => parseConfig(schema, "\n\nrobot:\n  joints: []\n", "arm.yaml"), {
    code: "ERR_MISSING_KEY",
    message: "Missing 'robot.name' in arm.yaml:4: expected text.",
  });
});

test("broken YAML, a repeated key and broken JSON are syntax errors that name the file", () => {
  assert.throws(() => parseConfig(schema, "robot: [", "arm.yaml"), { code: "ERR_SYNTAX", message: /arm\.yaml/ });
  assert.throws(() => parseConfig(schema, "robot: 1\nrobot: 2", "arm.yaml"), { code: "ERR_SYNTAX", message: /unique/ });
  assert.throws(() => parseConfig(schema, '{"robot": ', "arm.json"), { code: "ERR_SYNTAX", message: /arm\.json/ });
});

test("a missing file is an error that names it", async () => {
  await assert.rejects(readConfig(schema, "no/such.yaml"), { code: "ERR_FILE_UNREADABLE", message: /no\/such\.yaml/ });
});

test("a missing file by a relative path is said with the folder that it was looked for in, another one without", async () => {
  const remedyOf = (file: string) =>
    readConfig(schema, file).then(
      () => assert.fail(),
      ({ remedy }: LatentloopError) => remedy,
    );
  assert.ok((await remedyOf("no/such.yaml"))?.includes(process.cwd()));
  assert.equal(await remedyOf("/no/such.yaml"), undefined);
});
