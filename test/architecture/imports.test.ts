import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

/** Folder of src/ → folders it may import besides itself. The table of docs/architecture.md, enforced. */
const PURE = ["core", "math"];
const ADAPTER = [...PURE, "config"];
const SYSTEMS = [...PURE, "graph"];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  math: ["core"],
  config: ["core"],
  messages: ["core"],
  safety: PURE,
  graph: PURE,
  planners: SYSTEMS,
  "world-models": [...SYSTEMS, "planners"],
  policies: [...SYSTEMS, "world-models"],
  inference: ADAPTER,
  learning: [...SYSTEMS, "config", "world-models", "planners", "policies", "inference", "replay"],
  replay: [...ADAPTER, "messages", "cameras"],
  transport: [...ADAPTER, "messages"],
  ros: [...ADAPTER, "messages"],
  cameras: ADAPTER,
  robots: [...ADAPTER, "messages"],
  sim: ADAPTER,
  nodes: ["*"],
  cli: ["*"],
};
/** Packages with exactly one home. */
const HOMES: Readonly<Record<string, string>> = { rclnodejs: "ros", zeromq: "transport", "@mujoco/mujoco": "sim" };

const sources = new URL("../../../src/", import.meta.url); // the .ts files, seen from dist/test/architecture

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function importsOf(from: string, text: string): Import[] {
  const patterns = [/\bfrom\s+"([^"]+)"/g, /\bimport\(\s*"([^"]+)"/g, /^import\s+"([^"]+)"/gm];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier = ""]) => ({ from, specifier })));
}

function offence({ from, specifier }: Import): string | undefined {
  const folder = from.split("/")[0] ?? "";
  if (!specifier.startsWith(".")) {
    const home = HOMES[specifier];
    return home === undefined || home === folder ? undefined : `${from} imports ${specifier}: only ${home}/ may`;
  }
  const target = new URL(specifier, new URL(from, sources)).pathname.slice(sources.pathname.length).split("/")[0] ?? "";
  const allowed = ALLOWED[folder];
  if (allowed === undefined) return `${from} lies in ${folder}/, which the import table does not know`;
  if (target === folder || allowed.includes("*") || allowed.includes(target)) return undefined;
  return `${from} imports ${target}/: ${folder}/ may import ${allowed.join(", ") || "nothing"}`;
}

test("imports point the allowed way", async () => {
  const files = (await readdir(sources, { recursive: true })).filter((file) => file.endsWith(".ts"));
  assert.ok(files.length > 0, `no sources under ${sources.pathname}`);
  const imports = await Promise.all(
    files.map(async (file) => importsOf(file, await readFile(new URL(file, sources), "utf8"))),
  );
  assert.deepEqual(imports.flat().map(offence).filter(Boolean), []);
});

test("the control node never imports learning", async () => {
  const files = (await readdir(sources, { recursive: true })).filter((file) => /^nodes\/control.*\.ts$/.test(file));
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, sources), "utf8")));
  assert.deepEqual(
    files.filter((_, i) => /learning\//.test(texts[i] ?? "")),
    [],
  );
});

test("the table rejects a forbidden import, so that this check can fail", () => {
  assert.match(
    offence({ from: "core/plan.ts", specifier: "../learning/train.ts" }) ?? "",
    /core\/plan\.ts imports learning/,
  );
  assert.match(offence({ from: "nodes/camera.ts", specifier: "rclnodejs" }) ?? "", /only ros/);
  assert.equal(offence({ from: "planners/cem.ts", specifier: "../graph/graph.ts" }), undefined);
});
