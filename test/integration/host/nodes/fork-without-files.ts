import { openSync } from "node:fs";
import { messageOf } from "../../../../src/core/errors.ts";
import { failureOf } from "../../../../src/nodes/host/host-protocol.ts";
import { ProcessGroup } from "../../../../src/nodes/host/process-group.ts";

/** Opens a process of nodes when this one can open no further file, and prints what came of it. */
const failed: string[] = [];
const listener = {
  onLog() {},
  onSignal() {},
  onFailed: (node: string) => void failed.push(node),
};
const address = { events: "ipc:///nowhere", frames: "ipc:///nowhere-frames" };
const node = { name: "camera", kind: "camera", role: "intake", process: "other" } as never;

let full = "";
while (full === "") {
  try {
    openSync("/dev/null", "r");
  } catch (thrown) {
    full = messageOf(thrown);
  }
}
const opened = ProcessGroup.open("other", "test", { bind: address }, [node], listener);
const failure = await opened.then(() => undefined, failureOf);
process.stdout.write(JSON.stringify({ failure, failed }));
