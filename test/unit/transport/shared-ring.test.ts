import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { createLatestSlot, LatestSlotReader } from "../../../src/transport/latest-slot.ts";
import { createRing, RingReader, RingWriter } from "../../../src/transport/shared-ring.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

function drain(reader: RingReader): number[][] {
  const messages: number[][] = [];
  while (reader.read()) messages.push([...reader.message]);
  return messages;
}

test("a reader gets every message in order with its stamp", () => {
  const ring = createRing({ depth: 4, maxMessageBytes: 8 });
  const reader = new RingReader(ring, { from: "newest" });
  const writer = new RingWriter(ring);
  assert.equal(reader.read(), false);
  writer.write(bytes(1, 2, 3), 41n);
  writer.write(bytes(), 42n);
  assert.ok(reader.read());
  assert.deepEqual([[...reader.message], reader.sourceStampNs, reader.sequence], [[1, 2, 3], 41n, 0]);
  assert.ok(reader.read());
  assert.deepEqual([[...reader.message], reader.sourceStampNs, reader.sequence], [[], 42n, 1]);
  assert.equal(reader.read(), false);
});

test("several readers each see everything", () => {
  const ring = createRing({ depth: 4, maxMessageBytes: 8 });
  const readers = [0, 1, 2].map(() => new RingReader(ring, { from: "newest" }));
  const writer = new RingWriter(ring);
  for (const value of [7, 8]) writer.write(bytes(value), 0n);
  for (const reader of readers) assert.deepEqual(drain(reader), [[7], [8]]);
});

test("a late reader from the oldest sees what the ring still holds, one from the newest nothing", () => {
  const ring = createRing({ depth: 2, maxMessageBytes: 8 });
  const writer = new RingWriter(ring);
  for (let i = 0; i < 9; i++) writer.write(bytes(i), 0n);
  assert.deepEqual(drain(new RingReader(ring, { from: "oldest" })), [[7], [8]]);
  assert.deepEqual(drain(new RingReader(ring, { from: "oldest", keepLast: 1 })), [[8]]);
  assert.deepEqual(drain(new RingReader(ring, { from: "newest" })), []);
});

test("any sequence of writes and reads ends as a bounded queue that drops its oldest and counts it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.oneof(fc.constant("read" as const), fc.uint8Array({ maxLength: 16 })), { maxLength: 60 }),
      (depth, keepLast, steps) => {
        const ring = createRing({ depth, maxMessageBytes: 16 });
        const writer = new RingWriter(ring);
        const reader = new RingReader(ring, { from: "newest", keepLast });
        let queue: Uint8Array[] = [];
        let dropped = 0;
        for (const step of steps) {
          if (step !== "read") {
            writer.write(step, BigInt(step.length));
            queue.push(step);
            continue;
          }
          const excess = Math.max(0, queue.length - Math.min(depth, keepLast));
          queue = queue.slice(excess);
          dropped += excess;
          const expected = queue.shift();
          assert.equal(reader.read(), expected !== undefined);
          assert.equal(reader.dropped, dropped);
          if (expected) assert.deepEqual([...reader.message], [...expected]);
        }
      },
    ),
  );
});

test("a message longer than the ring was made for is refused with both sizes and leaves the ring as it was", () => {
  const ring = createRing({ depth: 1, maxMessageBytes: 16 });
  const reader = new RingReader(ring, { from: "newest" });
  const writer = new RingWriter(ring);
  assert.throws(() => writer.write(new Uint8Array(17), 0n), { code: "ERR_MESSAGE_TOO_LARGE", message: /16.*17/ });
  writer.write(bytes(1), 0n);
  assert.deepEqual(drain(reader), [[1]]);
});

test("memory that is no ring of this layout is refused", () => {
  assert.throws(() => new RingReader(new SharedArrayBuffer(256), { from: "newest" }), { code: "ERR_INVALID_ARGUMENT" });
  assert.throws(() => createRing({ depth: 0, maxMessageBytes: 1 }), {
    code: "ERR_INVALID_ARGUMENT",
    message: /0 and 1/,
  });
});

test("a slot that the publisher is rewriting is dropped, never shown", () => {
  const ring = createRing({ depth: 1, maxMessageBytes: 8 });
  const reader = new RingReader(ring, { from: "newest" });
  const writer = new RingWriter(ring);
  writer.write(bytes(1), 0n);
  writer.write(bytes(2), 0n);
  const stale = new RingReader(ring, { from: "newest" });
  writer.write(bytes(3), 0n); // two slots: this one replaced message 0
  writer.borrowSlot(8).fill(9); // message 1's slot is torn now
  assert.deepEqual(drain(stale), [[3]]);
  assert.deepEqual(drain(reader), [[3]]);
  assert.equal(reader.dropped, 2);
});

test("waiting ends with a message, with close, and with the time", async () => {
  const ring = createRing({ depth: 2, maxMessageBytes: 8 });
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring, { from: "newest" });
  assert.equal(reader.wait(1), false);
  const woken = reader.waitAsync(10_000);
  writer.write(bytes(1), 0n);
  assert.equal(await woken, true);
  assert.equal(reader.wait(10_000), true);
  assert.ok(reader.read());
  const closed = reader.waitAsync(10_000);
  writer.close();
  assert.equal(await closed, false);
  assert.ok(reader.closed);
});

/** Index of the first word that differs from the record's own number, or -1. */
function tornAt(words: Int32Array, number: number): number {
  return words.findIndex((word) => word !== number);
}

test("neither ring nor slot ever shows a torn record while another thread writes at full speed", async (t) => {
  assert.equal(tornAt(Int32Array.of(5, 5, 6), 5), 2, "the check itself must be able to fail");
  const ring = createRing({ depth: 1, maxMessageBytes: 4096 });
  const slot = createLatestSlot(256);
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL("./workers/pattern-writer.js", import.meta.url), {
    workerData: { ring, slot, stop },
  });
  t.after(() => worker.terminate());
  await once(worker, "online");
  const ringReader = new RingReader(ring, { from: "newest" });
  const slotReader = new LatestSlotReader(slot);
  let [ringRecords, slotRecords, lastSequence, lastNumber] = [0, 0, -1, -1];
  while (ringRecords < 5000 || slotRecords < 5000) {
    if (ringReader.read()) {
      const number = Number(ringReader.sourceStampNs);
      assert.equal(number, ringReader.sequence);
      assert.ok(number > lastSequence, "messages never repeat or go back");
      assert.equal(ringReader.message.length, 4 * (1 + ((number * 37) % 1024)));
      assert.equal(tornAt(new Int32Array(ringReader.message.buffer, 0, ringReader.message.length / 4), number), -1);
      lastSequence = number;
      ringRecords++;
    }
    if (slotReader.refresh()) {
      const words = new Int32Array(slotReader.record);
      assert.ok(words[0]! > lastNumber, "records never repeat or go back");
      lastNumber = words[0]!;
      assert.equal(tornAt(words, lastNumber), -1);
      slotRecords++;
    }
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  await once(worker, "exit");
  drain(ringReader);
  assert.ok(ringReader.closed);
  assert.equal(ringReader.dropped + ringRecords <= ringReader.sequence + 1, true);
});
