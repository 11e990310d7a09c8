import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  deserializeMessage,
  ROS_TYPES,
  type RosMessages,
  type RosType,
  serializeMessage,
} from "../../../src/messages/index.ts";

interface Case {
  readonly type: RosType;
  readonly message: RosMessages[RosType];
  readonly cdr: string;
}

const file = new URL("../../../../test/golden/messages/cdr.json", import.meta.url); // seen from dist/test/golden/messages
const cases: Case[] = JSON.parse(readFileSync(file, "utf8"), (_, value) =>
  typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
);

/** Plain arrays and numbers for comparing: float32 values of the cases are exact in binary. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

for (const { type, message, cdr } of cases) {
  test(`${type} has the bytes that the XCDR1 rules give (${cdr.length / 2} bytes)`, () => {
    assert.equal(Buffer.from(serializeMessage(type, message)).toString("hex"), cdr);
    assert.deepEqual(plain(deserializeMessage(type, Buffer.from(cdr, "hex"))), plain(message));
  });
}

test("every message type has a golden case", () => {
  const covered = new Set(cases.map(({ type }) => type));
  assert.deepEqual(
    ROS_TYPES.filter((type) => !covered.has(type)),
    [],
  );
});
