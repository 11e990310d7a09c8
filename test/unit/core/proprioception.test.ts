import assert from "node:assert/strict";
import { test } from "node:test";
import { bindProprioception } from "../../../src/core/proprioception.ts";

const feature = (name: string, offset = 0, scale = 1) => ({ name, offset, scale });

test("reads joints and actions by name, whatever their order, and normalises them", () => {
  const read = bindProprioception(
    [feature("wrist.velocity", 0, 2), feature("shoulder.cos"), feature("wrist.position", 1), feature("spin.last")],
    ["shoulder", "wrist"],
    ["swing", "spin"],
  );
  const out = new Float32Array(4);
  read([Math.PI, 3], [0, 5], [0.25, -0.5], out);
  assert.deepEqual([...out], [2.5, -1, 2, -0.5]);
});

test("an unknown joint, quantity or action is refused by name", () => {
  for (const name of ["elbow.position", "wrist.torque", "wrist.last", "wrist"]) {
    assert.throws(
      () => bindProprioception([feature(name)], ["wrist"], ["spin"]),
      (thrown: Error) =>
        thrown.message.includes(`"${name}"`) && "code" in thrown && thrown.code === "ERR_UNKNOWN_PROPRIOCEPTION",
    );
  }
});
