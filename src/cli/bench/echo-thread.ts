import { parentPort, workerData } from "node:worker_threads";
import { RingReader, RingWriter } from "../../transport/index.ts";

/** The far end of `bench transport` in another thread: sends back what it receives. */
export type EchoWay =
  | { readonly way: "port" }
  | {
      readonly way: "ring";
      readonly there: SharedArrayBuffer;
      readonly back: SharedArrayBuffer;
      readonly blocking: boolean;
    };

const way = workerData as EchoWay;
const parent = parentPort!;

if (way.way === "port") {
  parent.on("message", (message: Uint8Array) => parent.postMessage(message));
  parent.postMessage("ready");
} else {
  const reader = new RingReader(way.there, { from: "newest" });
  const writer = new RingWriter(way.back);
  const alive = setInterval(() => {}, 1000); // waiting on shared memory does not keep an event loop running
  parent.postMessage("ready");
  while (!reader.closed) {
    if (way.blocking) reader.wait(1000);
    else await reader.waitAsync(1000);
    while (reader.read()) writer.write(reader.message, reader.sourceStampNs);
  }
  clearInterval(alive);
}
