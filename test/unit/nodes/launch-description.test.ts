import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { parseConfig } from "../../../src/config/read-config.ts";
import { launchSchema, readLaunch, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { recorderParameters } from "../../../src/nodes/recorder.ts";

const parse = (yaml: string) => parseConfig(launchSchema, yaml, "test.launch.yaml");

test("a launch description gives its nodes their defaults and their kind's role", async () => {
  const launch = await resolveLaunch(
    parse("name: demo\nnamespace: /lab\nnodes:\n  - {name: scene, kind: camera-ingest, remap: {a: b}}\n"),
    ".",
  );
  assert.deepEqual(launch.nodes, [
    {
      name: "scene",
      kind: "camera-ingest",
      process: "main",
      parameters: {},
      remap: { a: "b" },
      onFailure: "stop",
      namespace: "/lab",
      role: "intake",
    },
  ]);
});

test("every launch file of the repository names known kinds, and its recorders take their parameters", async () => {
  const folder = new URL("../../../../launch/", import.meta.url);
  for (const name of (await readdir(folder)).filter((entry) => entry.endsWith(".yaml"))) {
    const launch = await readLaunch(fileURLToPath(new URL(name, folder)));
    for (const { kind, parameters } of launch.nodes) {
      if (kind === "recorder") parseStrict(recorderParameters, parameters, name);
    }
  }
});

test("an unknown kind is refused with the nearest known one", async () => {
  const description = parse("name: demo\nnodes:\n  - {name: scene, kind: camera-ingets}\n");
  await assert.rejects(resolveLaunch(description, "."), {
    code: "ERR_NODE_KIND",
    message: /'camera-ingets'.*'camera-ingest'/,
  });
});

test("a module that is not there, or is no node, is refused by its path", async () => {
  const description = (kind: string) => parse(`name: demo\nnodes:\n  - {name: scene, kind: ${kind}}\n`);
  await assert.rejects(resolveLaunch(description("./nowhere.js"), "/"), {
    code: "ERR_NODE_KIND",
    message: /nowhere\.js/,
  });
  const noNode = new URL("../../../src/core/errors.js", import.meta.url).pathname;
  await assert.rejects(resolveLaunch(description(noNode), "/"), {
    code: "ERR_NODE_KIND",
    message: /create\(context, parameters\).*ERROR_CODES/,
  });
});

test("unknown keys, two nodes of one name and impossible names are refused", () => {
  assert.throws(() => parse("name: demo\nnodes:\n  - {name: a, kind: b, proces: c}\n"), {
    code: "ERR_UNKNOWN_KEY",
    message: /'nodes\[0\]\.proces'.*'process'/,
  });
  assert.throws(() => parse("name: demo\nnodes:\n  - {name: a, kind: b}\n  - {name: a, kind: c}\n"), {
    code: "ERR_INVALID_VALUE",
    message: /every node name only once/,
  });
  assert.throws(() => parse("name: demo\nnodes:\n  - {name: my node, kind: b}\n"), { code: "ERR_INVALID_VALUE" });
  assert.throws(() => parse("name: demo\nnamespace: lab\nnodes:\n  - {name: a, kind: b}\n"), {
    code: "ERR_INVALID_VALUE",
  });
  assert.throws(() => parse("name: demo\nnodes: []\n"), { code: "ERR_INVALID_VALUE" });
});
