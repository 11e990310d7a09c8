import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { root } from "../../../src/config/package-root.ts";
import { readRobot } from "../../../src/config/robot-file.ts";
import { NODE_KINDS } from "../../../src/nodes/index.ts";
import { coerce, ParameterTable } from "../../../src/ros/parameter-table.ts";

const folder = join(root, "ros", "latentloop");

test("the ROS package has an executable for every node kind", () => {
  const text = readFileSync(join(folder, "CMakeLists.txt"), "utf8");
  const [, kinds = ""] = /set\(kinds ([^)]*)\)/.exec(text) ?? [];
  assert.deepEqual(
    kinds.split(/\s+/).toSorted(),
    Object.keys(NODE_KINDS)
      .map((kind) => kind.replaceAll("-", "_"))
      .toSorted(),
  );
});

test("every parameter row can be declared and read back by its schema's own keys", async () => {
  for (const [kind, { load }] of Object.entries(NODE_KINDS)) {
    const { parameters } = await load();
    assert.ok(parameters, `${kind} has a schema`);
    const { rows } = new ParameterTable(parameters);
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length, kind);
    for (const { name } of rows) assert.match(name, /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, kind);
  }
});

for (const file of readdirSync(join(folder, "config")).filter((name) => name.endsWith(".yaml"))) {
  test(`config/${file}: its robot is there and every parameter is one that its node takes`, async () => {
    const config = parse(readFileSync(join(folder, "config", file), "utf8")) as {
      robot: string;
      cameras: string[];
      parameters: Record<string, Record<string, unknown>>;
    };
    const robot = await readRobot(join(root, config.robot));
    assert.ok(config.cameras.length > 0);
    for (const [node, given] of Object.entries(config.parameters)) {
      const kind = NODE_KINDS[node.replaceAll("_", "-")];
      assert.ok(kind, `${node} is a node kind`);
      const { parameters } = await kind.load();
      const table = new ParameterTable(parameters!);
      const values = Object.entries(given).map(([name, value]) => {
        const row = table.row(name);
        assert.ok(row, `${node} has the parameter ${name}`);
        return [name, coerce(row, value)] as const;
      });
      const names = values.map(([name]) => name);
      assert.equal(table.refusal(new Map(values), names), undefined);
      const { outputs = [] } = table.toObject(new Map(values)) as { outputs?: { joints: string[] }[] };
      const known = robot.joints.map(({ name }) => name);
      for (const { joints } of outputs)
        assert.deepEqual(
          joints.filter((joint) => !known.includes(joint)),
          [],
        );
    }
  });
}

for (const file of readdirSync(join(folder, "config")).filter((name) => name.endsWith(".yaml"))) {
  test(`config/${file}: what is recorded can be learned from`, () => {
    const { cameras, parameters } = parse(readFileSync(join(folder, "config", file), "utf8")) as {
      cameras: string[];
      parameters: { recorder: { topics: string } };
    };
    const recorded = (parse(parameters.recorder.topics) as { name: string }[]).map(({ name }) => name);
    const needed = cameras.flatMap((camera) => [`${camera}/image_raw`, `${camera}/camera_info`]);
    for (const topic of [...needed, "joint_states", "control/tick", "episode"]) {
      assert.ok(recorded.includes(topic), `${topic} is recorded`);
    }
  });
}
