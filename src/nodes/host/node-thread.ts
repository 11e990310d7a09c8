import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { ThreadBus } from "../../transport/index.ts";
import {
  type FromNodeThread,
  failureOf,
  type LogRecord,
  type NodeThreadData,
  type ToNodeThread,
} from "./host-protocol.ts";
import { NodeRunner } from "./node-runner.ts";

/** Entry of a worker thread that runs one node. */
const { node, busId, hub } = workerData as NodeThreadData;
const host = parentPort;
if (host === null) throw new LatentloopError("ERR_INTERNAL", "A node's thread was started as a program of its own.");

const tell = (message: FromNodeThread): void => host.postMessage(message);
const logAt = (level: LogRecord["level"]) => (message: string, values?: object) =>
  tell({ op: "log", record: { level, node: node.name, message, ...(values === undefined ? {} : { values }) } });
const log: Logger = { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };

const bus = new ThreadBus(hub, busId);
const runner = new NodeRunner({ node, bus, clock: systemClock(), log });

host.on("message", async ({ step }: ToNodeThread) => {
  try {
    await runner.step(step);
    tell({ op: "done", step });
  } catch (thrown) {
    tell({ op: "done", step, failure: failureOf(thrown) });
  }
});
