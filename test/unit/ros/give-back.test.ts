import assert from "node:assert/strict";
import { test } from "node:test";
import { giveBack } from "../../../src/ros/give-back.ts";

test("the memory of an image is gone at once, that of a small message stays", () => {
  const image = new Uint8Array(921_600).fill(7);
  giveBack(image);
  assert.equal(image.length, 0);
  const small = new Uint8Array(100).fill(7);
  giveBack(small);
  assert.equal(small[99], 7);
});

test("a hundred images one after another leave no memory behind", async () => {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate); // until the port's other end has closed
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 100; i++) giveBack(Buffer.alloc(921_600));
  assert.ok(process.memoryUsage().arrayBuffers - before < 2e6);
});
