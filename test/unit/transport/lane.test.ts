import assert from "node:assert/strict";
import { test } from "node:test";
import { peerAddress } from "../../../src/transport/index.ts";

test("one endpoint that a person wrote stands for both lanes", () => {
  assert.deepEqual(peerAddress("tcp://gpu-host:7447"), {
    events: "tcp://gpu-host:7447",
    frames: "tcp://gpu-host:7448",
  });
  assert.deepEqual(peerAddress("tcp://[::1]:7447").frames, "tcp://[::1]:7448");
  assert.deepEqual(peerAddress("ipc:///run/arm").frames, "ipc:///run/arm-frames");
});

test("a free port is asked for on each lane", () => {
  assert.deepEqual(peerAddress("tcp://127.0.0.1:0"), { events: "tcp://127.0.0.1:0", frames: "tcp://127.0.0.1:0" });
});
