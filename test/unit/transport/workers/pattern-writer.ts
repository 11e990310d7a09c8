import { workerData } from "node:worker_threads";
import { LatestSlotWriter } from "../../../../src/transport/latest-slot.ts";
import { RingWriter } from "../../../../src/transport/shared-ring.ts";

/** Fills a ring and a slot as fast as it can with records whose every word is the record's own number. */
const { ring, slot, stop } = workerData as {
  ring: SharedArrayBuffer;
  slot: SharedArrayBuffer;
  stop: SharedArrayBuffer;
};
const ringWriter = new RingWriter(ring);
const slotWriter = new LatestSlotWriter(slot);
const stopWord = new Int32Array(stop);
const words = new Int32Array(1024);
for (let number = 0; Atomics.load(stopWord, 0) === 0; number++) {
  words.fill(number);
  ringWriter.write(new Uint8Array(words.buffer, 0, 4 * (1 + ((number * 37) % 1024))), BigInt(number));
  new Int32Array(slotWriter.record).fill(number);
  slotWriter.publish();
}
ringWriter.close();
