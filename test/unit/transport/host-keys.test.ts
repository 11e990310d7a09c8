import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makeHostKeys, readHostKeys, writeHostKeys } from "../../../src/transport/index.ts";
import { requireEncryption } from "../../../src/transport/zeromq/endpoint.ts";
import { encodeZ85 } from "../../../src/transport/zeromq/z85.ts";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-keys-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("Z85 writes the example of its specification", () => {
  assert.equal(encodeZ85(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b)), "HelloWorld");
});

test("each host gets a pair of its own and the public keys of all the others", () => {
  const [robot, gpu, desk] = makeHostKeys(["robot", "gpu", "desk"]);
  assert.deepEqual(robot!.peers, { gpu: gpu!.publicKey, desk: desk!.publicKey });
  assert.equal(new Set([robot, gpu, desk].map((keys) => keys!.secretKey)).size, 3);
});

test("a host's name that would be no file of its own is refused before anything is made", () => {
  for (const name of ["../evil", "a/b", "", "two words"]) {
    assert.throws(() => makeHostKeys(["robot", name]), {
      code: "ERR_INVALID_ARGUMENT",
      message: new RegExp(`letters, digits.*'${name}'`),
    });
  }
  assert.throws(() => makeHostKeys(["gpu", "robot", "gpu"]), {
    code: "ERR_INVALID_ARGUMENT",
    message: /only once.*'gpu'/,
  });
});

test("keys are written for their owner alone and read back", async (t) => {
  const folder = await emptyFolder(t);
  const keys = makeHostKeys(["robot", "gpu"]);
  const [path] = await writeHostKeys(folder, keys);
  assert.equal((await stat(path!)).mode & 0o777, 0o600);
  assert.deepEqual(await readHostKeys(path!), keys[0]);
});

test("keys that are there are never overwritten, and then none is written", async (t) => {
  const folder = await emptyFolder(t);
  const [path] = await writeHostKeys(folder, makeHostKeys(["gpu"]));
  const before = await readFile(path!, "utf8");
  await assert.rejects(writeHostKeys(folder, makeHostKeys(["robot", "gpu"])), {
    code: "ERR_KEYS",
    message: /gpu\.json/,
  });
  assert.equal(await readFile(path!, "utf8"), before);
  assert.deepEqual(await readdir(folder), ["gpu.json"]);
});

test("keys that others may read are refused", { skip: process.platform === "win32" && "no modes" }, async (t) => {
  const [path] = await writeHostKeys(await emptyFolder(t), makeHostKeys(["robot"]));
  await chmod(path!, 0o640);
  await assert.rejects(readHostKeys(path!), { code: "ERR_KEYS", message: /640/ });
});

test("a file that holds something else than keys is refused by the field", async (t) => {
  const path = join(await emptyFolder(t), "robot.json");
  const [keys] = makeHostKeys(["robot"]);
  await writeFile(path, JSON.stringify({ ...keys, secretKey: "short" }), { mode: 0o600 });
  await assert.rejects(readHostKeys(path), { code: "ERR_INVALID_VALUE", message: /secretKey/ });
});

test("only what stays on this machine may go without keys, unless somebody says so", () => {
  for (const local of ["ipc:///run/robot", "tcp://127.0.0.1:7447", "tcp://localhost:7447", "tcp://[::1]:7447"]) {
    requireEncryption(local, false, false);
  }
  for (const remote of ["tcp://192.168.1.5:7447", "tcp://*:7447", "tcp://0.0.0.0:7447", "tcp://127.evil.example:1"]) {
    assert.throws(() => requireEncryption(remote, false, false), { code: "ERR_PLAIN_TCP" });
    requireEncryption(remote, true, false);
    requireEncryption(remote, false, true);
  }
});
