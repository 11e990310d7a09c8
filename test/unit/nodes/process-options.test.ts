import assert from "node:assert/strict";
import { test } from "node:test";
import { REAL_TIME_NODE_OPTIONS } from "../../../src/nodes/control/real-time-heap.ts";
import { nodeOptionsOf } from "../../../src/nodes/host/process-group.ts";

test("the process of a control node collects its garbage by itself, whatever other nodes it has", () => {
  const withControl = nodeOptionsOf([{ kind: "recorder" }, { kind: "control" }, { kind: "control" }]);
  assert.deepEqual(withControl, [...process.execArgv, ...REAL_TIME_NODE_OPTIONS]);
});

test("other processes, modules of the user's own among them, run as this one does", () => {
  assert.deepEqual(nodeOptionsOf([{ kind: "camera-ingest" }, { kind: "file:///robot/my-node.js" }]), process.execArgv);
});
