import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Finding } from "../../../src/cli/doctor/finding.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));

test("doctor finds nothing broken where the tests run, and says of every missing thing what it would give", () => {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "doctor", "--json", "--replay", tmpdir()], {
    encoding: "utf8",
  });
  const { ok, findings } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { ok: boolean; findings: Finding[] };
  assert.equal(status, 0);
  assert.equal(ok, true);
  const names = findings.map(({ name }) => name);
  for (const name of [
    "Node.js",
    "onnxruntime cpu",
    "onnxruntime cuda",
    "ROS 2",
    "real-time priority",
    "timer",
    "replay disk",
  ]) {
    assert.ok(names.includes(name), name);
  }
  for (const { name, status: found, gives, remedy } of findings) {
    if (found === "missing") assert.ok(gives.length > 0 && remedy, name);
  }
});
