import assert from "node:assert/strict";
import { test } from "node:test";
import { createLatestSlot, LatestSlotReader, LatestSlotWriter } from "../../../src/transport/latest-slot.ts";

test("a reader sees the newest record once, however many were written", () => {
  const slot = createLatestSlot(16);
  const writer = new LatestSlotWriter(slot);
  const reader = new LatestSlotReader(slot);
  const [out, seen] = [new Float64Array(writer.record), new Float64Array(reader.record)];
  assert.equal(reader.refresh(), false);
  for (let i = 1; i <= 11; i++) {
    out.set([i, -i / 3]);
    writer.publish();
  }
  assert.ok(reader.refresh());
  assert.deepEqual([...seen, reader.count], [11, -11 / 3, 11]);
  assert.equal(reader.refresh(), false);
  assert.deepEqual([...seen], [11, -11 / 3]);
});

test("bit patterns survive, NaN payloads and 64-bit stamps included", () => {
  const slot = createLatestSlot(8);
  const writer = new LatestSlotWriter(slot);
  const reader = new LatestSlotReader(slot);
  for (const pattern of [0x7ff4_dead_beef_0001n, 1_766_000_000_123_456_789n, -1n]) {
    new BigInt64Array(writer.record)[0] = pattern;
    writer.publish();
    assert.ok(reader.refresh());
    assert.equal(new BigInt64Array(reader.record)[0], pattern);
  }
});

test("a record that is being rewritten leaves the reader its last whole one", () => {
  const slot = createLatestSlot(4);
  const writer = new LatestSlotWriter(slot);
  const reader = new LatestSlotReader(slot);
  new Int32Array(writer.record)[0] = 7;
  writer.publish();
  assert.ok(reader.refresh());
  writer.publish();
  const words = new Int32Array(slot);
  words[16 + 2 * 2] = 5; // the state of record 2's cell: odd, as a writer leaves it while it is at work
  assert.equal(reader.refresh(), false);
  assert.equal(new Int32Array(reader.record)[0], 7);
});

test("a reader without blocking wakes up for a record", async () => {
  const slot = createLatestSlot(4);
  const reader = new LatestSlotReader(slot);
  assert.equal(reader.wait(1), false);
  const woken = reader.waitAsync(10_000);
  new LatestSlotWriter(slot).publish();
  assert.equal(await woken, true);
});

test("a record size that is no positive multiple of 4 is refused", () => {
  for (const size of [0, -4, 6]) assert.throws(() => createLatestSlot(size), { code: "ERR_INVALID_ARGUMENT" });
});
