import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pack } from "msgpackr";
import { decodeFrame, encodeFrame, FRAME_VERSION, type MessageHeader } from "../../../src/transport/index.ts";

const header: MessageHeader = {
  v: FRAME_VERSION,
  kind: "message",
  topic: "/scene/image_raw",
  type: "sensor_msgs/msg/Image",
  publisher: "sim.0",
  sequence: 7,
  stamp: 1_766_000_000_123_456_789n,
  history: 0,
};
const payload = Uint8Array.of(0, 1, 0, 0, 42);

/** A frame whose header has other fields. */
const altered = (changes: object) => [Buffer.from("/x\0"), pack({ ...header, ...changes }), payload];

test("a frame carries its header and payload unchanged, stamps to the nanosecond", () => {
  const parts = encodeFrame("/scene/image_raw\0", header, payload);
  assert.deepEqual(decodeFrame(parts), { header, payload: Buffer.from(payload) });
  assert.equal(parts[2]!.buffer, payload.buffer, "the payload is not copied");
});

test("headers of any stamp and sequence come back equal", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.maxSafeNat(), (stamp, sequence) => {
      const frame = decodeFrame(encodeFrame("", { ...header, stamp, sequence }, payload));
      assert.deepEqual(frame.header, { ...header, stamp, sequence });
    }),
  );
});

test("headers that were packed earlier keep their bytes", () => {
  const first = encodeFrame("", header, payload)[1]!;
  const copy = Buffer.from(first);
  for (let sequence = 0; sequence < 2000; sequence++) encodeFrame("", { ...header, sequence }, payload);
  assert.deepEqual(first, copy);
});

test("another version is refused by its number, whatever else the frame holds", () => {
  for (const [v, named] of [
    [1, "1"],
    [3, "3"],
    ["2", '"2"'],
    [undefined, "none"],
  ] as const) {
    assert.throws(() => decodeFrame([Buffer.alloc(0), pack(v === undefined ? {} : { v, new: "field" }), payload]), {
      code: "ERR_FRAME_VERSION",
      message: new RegExp(`received version ${named}`),
    });
  }
});

test("an unknown message type is refused by its name", () => {
  assert.throws(() => decodeFrame(altered({ type: "sensor_msgs/msg/Sonar" })), {
    code: "ERR_MESSAGE_TYPE",
    message: /'\/scene\/image_raw'.*sensor_msgs\/msg\/Sonar/,
  });
});

test("every wrong, missing or unknown field is refused by its name", () => {
  const cases: [object, RegExp][] = [
    [{ topic: "" }, /topic/],
    [{ sequence: -1 }, /sequence/],
    [{ sequence: 0.5 }, /sequence/],
    [{ stamp: "now" }, /stamp/],
    [{ publisher: undefined }, /publisher/],
    [{ history: null }, /history/],
    [{ kind: "gossip" }, /kind/],
    [{ colour: "red" }, /colour/],
  ];
  for (const [changes, field] of cases) {
    assert.throws(() => decodeFrame(altered(changes)), { code: "ERR_FRAME_MALFORMED", message: field });
  }
});

test("frames with other parts, a torn header or no payload are refused", () => {
  const parts = encodeFrame("", header, payload);
  assert.throws(() => decodeFrame(parts.slice(0, 2)), { code: "ERR_FRAME_MALFORMED", message: /3 parts.*2/ });
  assert.throws(() => decodeFrame([parts[0]!, parts[1]!, new Uint8Array(3)]), { message: /received 3 bytes/ });
  for (let length = 0; length < parts[1]!.length; length++) {
    assert.throws(
      () => decodeFrame([parts[0]!, parts[1]!.subarray(0, length), payload]),
      (error: { code?: string }) => error.code === "ERR_FRAME_MALFORMED" || error.code === "ERR_FRAME_VERSION",
    );
  }
});

test("random bytes are refused with one of our errors", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 5 }), (parts) => {
      assert.throws(() => decodeFrame(parts), { name: "LatentloopError" });
    }),
  );
});
