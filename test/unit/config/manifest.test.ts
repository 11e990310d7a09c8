import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSchema } from "../../../src/config/describe-schema.ts";
import { manifestSchema } from "../../../src/config/manifest.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { LatentloopError } from "../../../src/core/errors.ts";
import { sampleManifest } from "../../support/sample-bundle.ts";

type Path = readonly (string | number)[];

/** Optional graphs: leaving one out is right. */
const OPTIONAL = new Set(["graphs.plan", "graphs.plan_short", "graphs.act", "graphs.imagine", "graphs.decode"]);

const dotted = (path: Path): string =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${key}`)).join("");

/** Every place in the manifest, down to its leaves; of a list only the first item. */
function* placesOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null || path.at(-1) === "hyperparameters") return;
  const keys = Array.isArray(value) ? [0].slice(0, value.length) : Object.keys(value);
  for (const key of keys) yield* placesOf((value as Record<string | number, unknown>)[key], [...path, key]);
}

function spoil(path: Path, change: (parent: Record<string | number, unknown>, key: string | number) => void): unknown {
  const manifest = sampleManifest();
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], manifest);
  change(parent as Record<string | number, unknown>, path.at(-1)!);
  return manifest;
}

function rejection(manifest: unknown): LatentloopError {
  try {
    parseStrict(manifestSchema, manifest, "manifest.json");
  } catch (error) {
    assert.ok(error instanceof LatentloopError, String(error));
    return error;
  }
  return assert.fail("the manifest was accepted");
}

test("the sample manifest is accepted as it is", () => {
  assert.deepEqual(parseStrict(manifestSchema, sampleManifest(), "manifest.json"), sampleManifest());
});

test("each missing field is an error that names it", () => {
  let count = 0;
  for (const path of placesOf(sampleManifest())) {
    if (OPTIONAL.has(dotted(path)) || typeof path.at(-1) === "number") continue;
    const error = rejection(spoil(path, (parent, key) => delete parent[key]));
    assert.equal(error.code, "ERR_MISSING_KEY", dotted(path));
    assert.ok(error.message.includes(`'${dotted(path)}'`), `${dotted(path)}: ${error.message}`);
    count++;
  }
  assert.ok(count > 60, `only ${count} fields`);
});

test("each field of another type is an error that names it", () => {
  for (const path of placesOf(sampleManifest())) {
    if (path.at(-1) === "width" && path.includes("hyperparameters")) continue;
    const error = rejection(spoil(path, (parent, key) => (parent[key] = () => 0)));
    assert.equal(error.code, "ERR_INVALID_VALUE", dotted(path));
    assert.ok(error.message.includes(`'${dotted(path)}`), `${dotted(path)}: ${error.message}`);
  }
});

test("an unknown field anywhere is an error that names it", () => {
  for (const path of placesOf(sampleManifest())) {
    if (path.at(-1) === "hyperparameters") continue;
    const manifest = spoil(path, (parent, key) => {
      const group = parent[key];
      if (typeof group === "object" && group !== null && !Array.isArray(group)) Object.assign(group, { surplus: 1 });
      else parent.surplus = 1;
    });
    if (typeof path.at(-1) === "number") continue; // a list takes no key
    const error = rejection(manifest);
    assert.equal(error.code, "ERR_UNKNOWN_KEY", dotted(path));
    assert.match(error.message, /surplus'/);
  }
});

const wrong: readonly [rule: string, path: Path, value: unknown, message: RegExp][] = [
  ["another format version", ["formatVersion"], 2, /Expected 1 for 'formatVersion'.*received 2/],
  ["a name with a path in it", ["name"], "../evil", /'name'/],
  ["a file outside the folder", ["graphs", "encode", "file"], "../x.onnx", /'graphs\.encode\.file'/],
  ["a hash that is not one", ["graphs", "encode", "sha256"], "abc", /'graphs\.encode\.sha256'/],
  [
    "bounds the wrong way round",
    ["action", "dimensions", 0, "high"],
    -2,
    /above 'low' for 'action\.dimensions\[0\]\.high'/,
  ],
  ["a policy rate of zero", ["policyRateHz"], 0, /> 0 Hz for 'policyRateHz'/],
  ["a dynamic extent", ["graphs", "plan", "inputs", 0, "shape", 0], "batch", /'graphs\.plan\.inputs\[0\]\.shape\[0\]'/],
  ["a zero scale", ["observation", "proprioception", 0, "scale"], 0, /'observation\.proprioception\[0\]\.scale'/],
  [
    "the same name twice",
    ["observation", "proprioception", 1, "name"],
    "j1.position",
    /every name only once for 'observation\.proprioception'/,
  ],
];
for (const [rule, path, value, message] of wrong) {
  test(`${rule} is refused`, () => {
    assert.match(rejection(spoil(path, (parent, key) => (parent[key] = value))).message, message);
  });
}

const breaches: readonly [rule: string, path: Path, value: unknown, message: RegExp][] = [
  ["a latent of another length than the manifest's", ["latentSize"], 7, /\[1, L\] = \[1, 7\] for 'latent'/],
  [
    "an image of another size than the camera's",
    ["observation", "cameras", 0, "width"],
    9,
    /\[1, 8, 9, 3\].*'image_scene'/,
  ],
  [
    "an input under another name",
    ["graphs", "observe", "inputs", 1, "name"],
    "actoin",
    /a tensor 'action' \[1, A\] = \[1, 2\] for 'graphs\.observe\.inputs'/,
  ],
  [
    "an image as float32",
    ["graphs", "encode", "inputs", 0, "dtype"],
    "float32",
    /"uint8" for 'graphs\.encode\.inputs\[0\]\.dtype'/,
  ],
  [
    "a warm start of another horizon than the plan",
    ["graphs", "plan", "inputs", 3, "shape"],
    [5, 2],
    /\[H, A\] = \[5, 2\] for 'actions'/,
  ],
  [
    "an embedding that observe does not take",
    ["graphs", "observe", "inputs", 2, "shape"],
    [1, 5],
    /\[1, E\] = \[1, 4\] for 'embedding'/,
  ],
];
for (const [rule, path, value, message] of breaches) {
  test(`${rule} breaks the graph contract`, () => {
    const error = rejection(spoil(path, (parent, key) => (parent[key] = value)));
    assert.match(`${error.message} ${error.remedy}`, message);
  });
}

test("an input that the loop does not feed breaks the graph contract", () => {
  const manifest = sampleManifest();
  manifest.graphs.encode.inputs.push({ name: "depth", shape: [1, 8, 8], dtype: "float32" });
  assert.match(
    rejection(manifest).message,
    /image_scene, proprioception\) for 'graphs\.encode\.inputs\[2\]\.name'.*"depth"/,
  );
});

test("a further output is allowed: it is a statistic", () => {
  const manifest = sampleManifest();
  manifest.graphs.encode.outputs.push({ name: "norm", shape: [1], dtype: "float32" });
  assert.doesNotThrow(() => parseStrict(manifestSchema, manifest, "manifest.json"));
});

test("a bundle without plan and without act cannot drive a robot", () => {
  const { plan: _, act: __, ...graphs } = sampleManifest().graphs;
  assert.match(rejection({ ...sampleManifest(), graphs }).message, /Expected a graph 'plan' or a graph 'act'/);
});

test("every field of the manifest has its sentence in the reference", () => {
  const unexplained = describeSchema(manifestSchema).filter((row) => row.description === "");
  const evident = /^graphs\.\w+$|\.(episodes|source|task|value|x|y|width|height|seed|inputs|outputs)$/;
  assert.deepEqual(
    unexplained.map((row) => row.name).filter((name) => !evident.test(name)),
    [],
  );
});
