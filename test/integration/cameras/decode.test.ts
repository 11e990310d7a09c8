import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { decodeImage, parseCompressedFormat } from "../../../src/cameras/decode.ts";
import { ImagePath } from "../../../src/cameras/image-path.ts";
import { LatestFrame } from "../../../src/cameras/latest-frame.ts";
import { areaMean, meanError, noisyPicture } from "../../unit/cameras/pictures.ts";

const SIZE = { width: 61, height: 47 };
const noisy = noisyPicture("rgb8", SIZE.width, SIZE.height);
const encoder = () => sharp(noisy.data, { raw: { ...SIZE, channels: 3 } });

test("a PNG decodes to its exact pixels and keeps its stamp", async () => {
  const image = await decodeImage("wrist", { format: "png", data: await encoder().png().toBuffer(), stampNs: 7n });
  assert.deepEqual(
    { ...image, data: [...image.data] },
    { encoding: "rgb8", ...SIZE, stride: 183, data: [...noisy.data], stampNs: 7n },
  );
});

test("grey, transparent, palette and 16-bit files all become rgb8", async () => {
  const variants = [
    encoder().greyscale().jpeg(),
    encoder().greyscale().png(),
    encoder().ensureAlpha(0.5).png(),
    encoder().png({ palette: true }),
    encoder().toColourspace("rgb16").png(),
  ];
  for (const variant of variants) {
    const image = await decodeImage("wrist", { format: "png", data: await variant.toBuffer(), stampNs: 0n });
    assert.deepEqual([image.encoding, image.width, image.height, image.data.length], ["rgb8", 61, 47, 61 * 47 * 3]);
  }
});

test("a JPEG takes the same path as raw pixels: its area mean, and not the decoder's own shrinking", async () => {
  const large = noisyPicture("rgb8", 320, 240);
  const data = await sharp(large.data, { raw: { width: 320, height: 240, channels: 3 } })
    .jpeg()
    .toBuffer();
  const decoded = await decodeImage("wrist", { format: "jpeg", data, stampNs: 0n });
  const output = { width: 32, height: 32 };
  const path = new ImagePath({ camera: "wrist", source: decoded, output });
  const out = new Uint8Array(path.outputBytes);
  path.convertInto(decoded, out);
  const plain = await sharp(data).raw().toBuffer();
  const exact = areaMean(Float64Array.from(plain), decoded, { x: 0, y: 0, width: 320, height: 240 }, output);
  assert.ok(meanError(out, exact) < 0.3, `${meanError(out, exact)} levels`);
});

test("damaged files are named errors", async () => {
  const jpeg = await encoder().jpeg().toBuffer();
  const png = await encoder().png().toBuffer();
  const damaged = [
    jpeg.subarray(0, jpeg.length >> 1),
    jpeg.subarray(0, jpeg.length - 10),
    png.subarray(0, png.length >> 1),
    Buffer.from("not an image"),
    Buffer.alloc(0),
  ];
  for (const data of damaged) {
    await assert.rejects(decodeImage("wrist", { format: "jpeg", data, stampNs: 0n }), {
      code: "ERR_IMAGE_UNREADABLE",
      message: new RegExp(`from wrist but ${data.length} bytes do not decode`),
    });
  }
});

test("reads the formats that ROS compressed images name", () => {
  assert.equal(parseCompressedFormat("jpeg"), "jpeg");
  assert.equal(parseCompressedFormat("jpg"), "jpeg");
  assert.equal(parseCompressedFormat("png"), "png");
  assert.equal(parseCompressedFormat("rgb8; jpeg compressed bgr8"), "jpeg");
  assert.equal(parseCompressedFormat("bgr8; png compressed "), "png");
  assert.throws(() => parseCompressedFormat("h264"), { code: "ERR_IMAGE_UNREADABLE", message: /received "h264"/ });
  assert.throws(() => parseCompressedFormat("16UC1; compressedDepth png"), { code: "ERR_IMAGE_UNREADABLE" });
});

test("a stream of JPEGs goes on after a damaged one and one of another size", async () => {
  let ms = 1000;
  const clock = { monotonicNs: () => ms * 1e6, rosNs: () => BigInt(ms) * 1_000_000n };
  const source = { encoding: "rgb8", ...SIZE } as const;
  const latest = new LatestFrame({
    path: new ImagePath({ camera: "wrist", source, output: { width: 8, height: 8 } }),
    clock,
  });
  const whole = await encoder().jpeg().toBuffer();
  const other = await encoder().resize(30, 20).jpeg().toBuffer();
  const outcomes = [];
  for (const data of [whole, whole.subarray(0, 200), other, whole]) {
    ms += 33;
    outcomes.push(await latest.acceptCompressed({ format: "jpeg", data, stampNs: clock.rosNs() }));
  }
  assert.deepEqual(outcomes, ["accepted", "refused", "refused", "accepted"]);
  assert.equal(latest.lastRefusal?.code, "ERR_IMAGE_SIZE");
  assert.deepEqual(latest.counts, { received: 4, accepted: 2, outOfOrder: 0, refused: 2, clockJumps: 0 });
  assert.equal(latest.require(50e6).stampNs, clock.rosNs());
});

test("of two JPEGs that finish decoding in the wrong order the later capture stays", async () => {
  const clock = { monotonicNs: () => 1e9, rosNs: () => 1_000_000_000n };
  const source = { encoding: "rgb8", ...SIZE } as const;
  const latest = new LatestFrame({
    path: new ImagePath({ camera: "wrist", source, output: { width: 8, height: 8 } }),
    clock,
  });
  const data = await encoder().jpeg().toBuffer();
  assert.equal(await latest.acceptCompressed({ format: "jpeg", data, stampNs: 2n }), "accepted");
  assert.equal(await latest.acceptCompressed({ format: "jpeg", data, stampNs: 1n }), "out_of_order");
  assert.equal(latest.require(2e9).stampNs, 2n);
});
