import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { workerData } from "node:worker_threads";
import { RingReader } from "../../../transport/index.ts";

/** Writes every raw frame to a file as a recorder does, about 28 MB/s; the file starts over before it grows large. */
const MAX_BYTES = 256e6;

const path = `${tmpdir()}/latentloop-bench-${process.pid}.bin`;
const file = openSync(path, "w");
unlinkSync(path); // the file ends with the process
process.on("exit", () => closeSync(file));

const reader = new RingReader(workerData as SharedArrayBuffer, { from: "newest" });
let written = 0;
for (;;) {
  await Promise.race([reader.waitAsync(100), new Promise((resolve) => setTimeout(resolve, 100))]);
  while (reader.read()) {
    if (written + reader.message.length > MAX_BYTES) {
      ftruncateSync(file, 0);
      written = 0;
    }
    written += writeSync(file, reader.message, 0, reader.message.length, written);
  }
}
