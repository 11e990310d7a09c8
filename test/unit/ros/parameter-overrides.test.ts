import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parameterOverrides } from "../../../src/ros/parameter-overrides.ts";

const folder = mkdtempSync(join(tmpdir(), "latentloop-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const read = (...rosArguments: string[]) =>
  Object.fromEntries(parameterOverrides(["node", "x.js", "--ros-args", ...rosArguments], "/left/control"));

test("the command line gives values to all nodes, or to one by name", () => {
  const given = read("-p", "a:=1", "--param", "/left/control:b:=true", "-p", "other:c:=2", "-p", "text:='x:=y'");
  assert.deepEqual(given, { a: 1, b: true, text: "x:=y" });
});

test("arguments outside --ros-args are not ours", () => {
  assert.equal(parameterOverrides(["-p", "a:=1", "--ros-args", "--", "-p", "a:=1"], "/control").size, 0);
});

for (const node of ["/left/control", "/**", "left/control", "/*/control", "/left/*", "/**/control"]) {
  test(`a file's '${node}' means /left/control`, () => {
    const path = file("one.yaml", `"${node}": { ros__parameters: { model: m, safety: { soft_start_ms: 5 } } }\n`);
    assert.deepEqual(read("--params-file", path), { model: "m", "safety.soft_start_ms": 5 });
  });
}

for (const node of ["/right/control", "/control", "control", "recorder", "/*", "/left/control/*"]) {
  test(`a file's '${node}' does not mean /left/control`, () => {
    assert.deepEqual(read("--params-file", file("other.yaml", `"${node}": { ros__parameters: { model: m } }\n`)), {});
  });
}

test("namespaces may be nested, and the last value counts", () => {
  const nested = file("nested.yaml", "left:\n  control:\n    ros__parameters: { a: 1, b: 1 }\n");
  assert.deepEqual(read("--params-file", nested, "-p", "b:=2"), { a: 1, b: 2 });
});

test("a file that is missing or no parameter file is refused by name", () => {
  assert.throws(() => read("--params-file", join(folder, "none.yaml")), { code: "ERR_FILE_UNREADABLE" });
  assert.throws(() => read("--params-file", file("flat.yaml", "model: m\n")), {
    code: "ERR_SYNTAX",
    message: /ros__parameters.*flat\.yaml.*'\/model'/,
  });
});
