import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bindAt, connectTo } from "../../../src/transport/zeromq/endpoint.ts";
import { openPublisher, openSubscriber } from "../../../src/transport/zeromq/sockets.ts";

const refused = (endpoint: string, reason: RegExp) => (error: Error & { code: string; remedy: string }) => {
  assert.equal(error.code, "ERR_ENDPOINT");
  assert.ok(error.message.includes(`'${endpoint}'`), error.message);
  assert.match(error.message, reason);
  assert.match(error.remedy, /tcp:\/\/.*ipc:\/\//);
  return true;
};

for (const [endpoint, reason] of [
  ["foo", /no endpoint/],
  ["", /no endpoint/],
  ["tcp://127.0.0.1:notaport", /no port up to 65535/],
  ["tcp://127.0.0.1:65536", /no port up to 65535/],
  ["ipc:///no/such/folder/robot", /its folder does not exist/],
  [`ipc://${tmpdir()}/${"x".repeat(120)}`, /too long/],
] as const) {
  test(`a process that cannot be bound to '${endpoint.slice(0, 40)}' says why and what is expected`, async (t) => {
    const socket = openPublisher(1);
    t.after(() => socket.close());
    await assert.rejects(bindAt(socket, endpoint), refused(endpoint, reason));
  });
}

test("a peer's endpoint that is none is refused by its name; a peer that is not there yet is waited for", (t) => {
  const socket = openSubscriber(1);
  t.after(() => socket.close());
  assert.throws(() => connectTo(socket, "foo"), refused("foo", /no endpoint/));
  assert.throws(() => connectTo(socket, "tcp://127.0.0.1:x"), refused("tcp://127.0.0.1:x", /no port/));
  connectTo(socket, `ipc://${tmpdir()}/latentloop-nobody-yet`);
});

test("nobody takes another process's place: not on tcp, and not in the file system", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-endpoint-"));
  const [first, second] = [openPublisher(1), openPublisher(1)];
  t.after(async () => {
    first.close();
    second.close();
    await rm(folder, { recursive: true });
  });
  for (const endpoint of [`ipc://${folder}/robot`, "tcp://127.0.0.1:0"]) {
    await bindAt(first, endpoint);
    const place = first.lastEndpoint!;
    await assert.rejects(bindAt(second, place), refused(place, /another process is bound there/));
  }
});

test("the socket that a killed process left behind is taken over", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-endpoint-"));
  const path = join(folder, "robot");
  const killed = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  assert.equal(spawnSync(process.execPath, ["-e", killed]).signal, "SIGKILL");
  await access(path);
  const socket = openPublisher(1);
  t.after(async () => {
    socket.close();
    await rm(folder, { recursive: true });
  });
  await bindAt(socket, `ipc://${path}`);
});
