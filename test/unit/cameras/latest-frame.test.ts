import assert from "node:assert/strict";
import { test } from "node:test";
import { ImagePath } from "../../../src/cameras/image-path.ts";
import { LatestFrame } from "../../../src/cameras/latest-frame.ts";
import type { RawImage } from "../../../src/core/camera.ts";

const MS = 1e6;
const EPOCH_NS = 1_700_000_000_000_000_000n;

/** Both clocks stand at `ms`, and `rosNs` can be set off. */
class TestClock {
  ms = 1000;
  rosOffsetMs = 0;
  monotonicNs(): number {
    return this.ms * MS;
  }
  rosNs(): bigint {
    return EPOCH_NS + BigInt((this.ms + this.rosOffsetMs) * MS);
  }
}

function frame(capturedMs: number, grey = 0): RawImage {
  const data = new Uint8Array(4 * 4 * 3).fill(grey);
  return { encoding: "rgb8", width: 4, height: 4, stride: 12, data, stampNs: EPOCH_NS + BigInt(capturedMs * MS) };
}

function camera(ageFrom: "capture" | "arrival" = "capture") {
  const clock = new TestClock();
  const source = { encoding: "rgb8", width: 4, height: 4 } as const;
  const path = new ImagePath({ camera: "wrist", source, output: { width: 2, height: 2 } });
  return { clock, latest: new LatestFrame({ path, clock, ageFrom }) };
}

test("before the first frame there is none, and requiring one names the camera", () => {
  const { latest } = camera();
  assert.deepEqual(latest.read(100 * MS), { status: "none" });
  assert.throws(() => latest.require(100 * MS), {
    code: "ERR_IMAGE_STALE",
    message: /an image of wrist at most 100 ms old but none has come/,
    remedy: /wrist is connected/,
  });
});

test("the newest frame is fresh up to the maximum age and stale 1 ms past it", () => {
  const { clock, latest } = camera();
  assert.equal(latest.accept(frame(980, 10)), "accepted");
  clock.ms = 1080;
  const reading = latest.read(100 * MS);
  assert.equal(reading.status, "fresh");
  assert.ok(reading.status === "fresh" && reading.ageNs === 100 * MS);
  assert.deepEqual([...latest.require(100 * MS).data], new Array(12).fill(10));
  assert.equal(latest.require(100 * MS).arrivalNs, 1000 * MS);
  clock.ms = 1081;
  assert.equal(latest.read(100 * MS).status, "stale");
  assert.throws(() => latest.require(100 * MS), {
    code: "ERR_IMAGE_STALE",
    message: "Expected an image of wrist at most 100 ms old but the newest is 101 ms old (0 frames were refused).",
  });
});

test("age counts from capture, so that a backlog of old frames is stale on arrival", () => {
  const { latest } = camera();
  latest.accept(frame(200));
  assert.equal(latest.read(100 * MS).status, "stale");
});

test("age counts from arrival where the capture clock is not to be trusted", () => {
  const { latest } = camera("arrival");
  latest.accept(frame(200));
  assert.equal(latest.read(100 * MS).status, "fresh");
});

test("a frame from the future is not younger than its arrival", () => {
  const { clock, latest } = camera();
  latest.accept(frame(60_000));
  clock.ms = 1101;
  assert.equal(latest.read(100 * MS).status, "stale");
});

test("a frame captured before the newest one is dropped and counted", () => {
  const { latest } = camera();
  latest.accept(frame(990, 1));
  assert.equal(latest.accept(frame(980, 2)), "out_of_order");
  assert.equal(latest.require(100 * MS).data[0], 1);
  assert.deepEqual(latest.counts, { received: 2, accepted: 1, outOfOrder: 1, refused: 0, clockJumps: 0 });
});

test("a driver that repeats its last frame for ever goes stale", () => {
  const { clock, latest } = camera("arrival");
  for (; clock.ms < 3000; clock.ms += 33) latest.accept(frame(1000));
  assert.equal(latest.read(100 * MS).status, "stale");
  assert.equal(latest.counts.accepted, 1);
});

test("a camera whose clock goes back is accepted again after half a second", () => {
  const { clock, latest } = camera("arrival");
  latest.accept(frame(60_000));
  clock.ms = 1500;
  assert.equal(latest.accept(frame(1500)), "out_of_order");
  clock.ms = 1501;
  assert.equal(latest.accept(frame(1501, 7)), "accepted");
  assert.equal(latest.require(100 * MS).data[0], 7);
  assert.equal(latest.counts.clockJumps, 1);
  clock.ms = 1534;
  assert.equal(latest.accept(frame(1534)), "accepted");
  assert.equal(latest.counts.clockJumps, 1);
});

test("a jump of this host's own ROS clock ages one frame, not the next", () => {
  const { clock, latest } = camera();
  clock.rosOffsetMs = 3_600_000;
  latest.accept(frame(1000));
  assert.equal(latest.read(100 * MS).status, "stale");
  clock.ms = 1033;
  latest.accept(frame(3_600_000 + 1030));
  assert.equal(latest.read(100 * MS).status, "fresh");
});

test("a frame of another size or encoding is refused and counted, and the stream goes on", () => {
  const { clock, latest } = camera();
  latest.accept(frame(990, 1));
  assert.equal(latest.accept({ ...frame(995, 2), width: 8 }), "refused");
  assert.equal(latest.lastRefusal?.code, "ERR_IMAGE_SIZE");
  assert.equal(latest.accept({ ...frame(996, 3), encoding: "mono8" }), "refused");
  assert.equal(latest.lastRefusal?.code, "ERR_IMAGE_ENCODING");
  assert.equal(latest.accept({ ...frame(997, 4), data: new Uint8Array(5) }), "refused");
  assert.equal(latest.lastRefusal?.code, "ERR_IMAGE_TRUNCATED");
  assert.equal(latest.require(100 * MS).data[0], 1);
  assert.equal(latest.counts.refused, 3);
  clock.ms = 1200;
  assert.throws(() => latest.require(100 * MS), { code: "ERR_IMAGE_STALE", message: /3 frames were refused/ });
  assert.equal(latest.accept(frame(1195, 5)), "accepted");
  assert.equal(latest.require(100 * MS).data[0], 5);
});

test("a reading keeps its pixels while the next frame comes", () => {
  const { latest } = camera();
  latest.accept(frame(990, 1));
  const image = latest.require(100 * MS);
  latest.accept(frame(991, 2));
  assert.equal(image.data[0], 1);
  assert.equal(image.stampNs, frame(990).stampNs);
  assert.equal(latest.require(100 * MS).data[0], 2);
});
