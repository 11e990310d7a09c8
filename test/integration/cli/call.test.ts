import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { root } from "../../../src/config/package-root.ts";

const MAIN = join(root, "dist", "src", "cli", "main.js");
const LAMP = join(root, "docs", "examples", "lamp.js");
const folder = await mkdtemp(join(tmpdir(), "latentloop-call-"));
const doors = ["--at", `ipc://${folder}/loop`, "--bind", `ipc://${folder}/operator`];

const launch = `
name: two lamps, one of them in a process of its own
nodes:
  - { name: near, kind: ${LAMP} }
  - { name: far, kind: ${LAMP}, process: other, parameters: { colour: red } }
`;
const file = join(folder, "lamps.yaml");
await writeFile(file, launch);
const door = ["--bind", `ipc://${folder}/loop`, "--peer", `ipc://${folder}/operator`];
const loop = spawn(process.execPath, [MAIN, "up", file, ...door], { stdio: ["ignore", "pipe", "inherit"] });

before(async () => {
  for await (const line of createInterface({ input: loop.stdout })) if (line.startsWith("All nodes are active")) return;
  assert.fail("the loop did not start");
});

after(async () => {
  loop.kill("SIGINT");
  const [status] = await once(loop, "exit");
  assert.equal(status, 0);
  await rm(folder, { recursive: true });
});

function call(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, "call", ...args], { encoding: "utf8" });
}

const PATIENT = ["--timeout", "120"];

test("the answer of a node of the loop is printed, whichever of its processes it runs in", () => {
  const near = call("near/light", ...doors, ...PATIENT);
  assert.deepEqual([near.status, near.stdout, near.stderr], [0, "green is lit\n", ""]);
  const far = call("far/light", ...doors, ...PATIENT, "--json");
  assert.equal(far.status, 0, far.stderr);
  assert.deepEqual(JSON.parse(far.stdout), { service: "far/light", success: true, message: "red is lit" });
});

test("a refusal is printed, too, and the exit status is 1", () => {
  const again = call("far/light", ...doors, ...PATIENT);
  assert.deepEqual([again.status, again.stdout], [1, "refused: red is lit already\n"]);
});

test("a service that nobody serves is said with both endpoints", () => {
  const { status, stderr } = call("far/dim", ...doors, "--timeout", "0.1");
  assert.equal(status, 1);
  assert.match(stderr, /far\/dim.*\/loop within 0\.1 s.*\[ERR_SERVICE_UNAVAILABLE\]\n.*\/operator is one of its peers/);
});

test("both endpoints are needed", () => {
  const { status, stderr } = call("near/light", "--at", "tcp://127.0.0.1:7447");
  assert.equal(status, 1);
  assert.match(stderr, /Expected --bind <endpoint>.*\[ERR_INVALID_ARGUMENT\]/);
});
