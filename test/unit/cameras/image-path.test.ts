import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ImagePath, type ImagePathOptions } from "../../../src/cameras/image-path.ts";
import { sourceFromRectified } from "../../../src/cameras/lens.ts";
import { ExactImage, rgbOf } from "../../../src/cli/bench/exact-image.ts";
import type { CameraModel, PixelEncoding } from "../../../src/core/camera.ts";
import { areaMean, ENCODINGS, noisyPicture, worstError } from "./pictures.ts";

const PLUMB_BOB: CameraModel = {
  name: "wrist",
  width: 64,
  height: 48,
  K: [52, 0, 31.3, 0, 51, 24.1, 0, 0, 1],
  distortionModel: "plumb_bob",
  D: [-0.28, 0.07, 0.001, -0.0005, 0],
  R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  P: [50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0],
};

function pathOf(options: Partial<ImagePathOptions> & { readonly source: ImagePathOptions["source"] }): ImagePath {
  return new ImagePath({ camera: "wrist", output: { width: 16, height: 12 }, ...options });
}

const isMosaic = (encoding: PixelEncoding) => encoding.startsWith("bayer");

/** Any encoding, odd sizes, padded rows, any crop inside the image, smaller and larger outputs. */
const anyCase = fc
  .record({
    encoding: fc.constantFrom(...ENCODINGS),
    width: fc.integer({ min: 4, max: 41 }),
    height: fc.integer({ min: 4, max: 37 }),
    padding: fc.integer({ min: 0, max: 9 }),
    output: fc.record({ width: fc.integer({ min: 1, max: 23 }), height: fc.integer({ min: 1, max: 23 }) }),
    left: fc.double({ min: 0, max: 0.6, noNaN: true }),
    top: fc.double({ min: 0, max: 0.6, noNaN: true }),
    share: fc.double({ min: 0.2, max: 1, noNaN: true }),
    seed: fc.integer(),
  })
  .map(({ encoding, width, height, left, top, share, ...rest }) => {
    const even = encoding === "yuyv" || encoding === "uyvy" ? width - (width % 2) : width;
    const x = left * even;
    const y = top * height;
    const crop = { x, y, width: share * (even - x), height: share * (height - y) };
    return { ...rest, encoding, width: even, height, crop };
  });

test("equals the exact area mean of the converted image for every encoding, stride, size and crop", () => {
  fc.assert(
    fc.property(anyCase, ({ encoding, width, height, padding, output, crop, seed }) => {
      const picture = noisyPicture(encoding, width, height, { seed, padding });
      const path = pathOf({ source: { encoding, width, height }, output, crop });
      const out = new Uint8Array(path.outputBytes);
      path.convertInto(picture, out);
      const error = worstError(out, areaMean(rgbOf(picture), picture, crop, output));
      // Half a level is the final rounding; a mosaic was rounded once before.
      assert.ok(error < (isMosaic(encoding) ? 1.3 : 0.6), `${error} levels`);
    }),
    { numRuns: 300, seed: 7 },
  );
});

for (const encoding of ENCODINGS) {
  test(`a flat ${encoding} image stays flat, also through a lens`, () => {
    const picture = noisyPicture(encoding, 64, 48);
    picture.data.fill(128);
    const zoomed = { ...PLUMB_BOB, P: [90, 0, 32, 0, 0, 90, 24, 0, 0, 0, 1, 0] };
    const path = pathOf({ source: picture, output: { width: 19, height: 13 }, calibration: zoomed });
    const out = new Uint8Array(path.outputBytes);
    path.convertInto(picture, out);
    const grey = encoding === "yuyv" || encoding === "uyvy" ? Math.round((255 / 219) * (128 - 16)) : 128;
    assert.deepEqual([...new Set(out)], [grey]);
  });
}

test("an rgb image of the output's size passes unchanged", () => {
  const picture = noisyPicture("rgb8", 21, 17);
  const path = pathOf({ source: picture, output: picture });
  const out = new Uint8Array(path.outputBytes);
  path.convertInto(picture, out);
  assert.deepEqual(out, picture.data);
});

test("a model trained on bgr receives the same image in that order", () => {
  for (const encoding of ENCODINGS) {
    const picture = noisyPicture(encoding, 24, 20);
    const [rgb, bgr] = (["rgb", "bgr"] as const).map((colorOrder) => {
      const path = pathOf({ source: picture, colorOrder });
      const out = new Uint8Array(path.outputBytes);
      path.convertInto(picture, out);
      return out;
    });
    assert.deepEqual(
      bgr,
      rgb?.map((_, i) => rgb[i - (i % 3) + 2 - (i % 3)]!),
      encoding,
    );
  }
});

test("undistorting equals the densely sampled footprint of every output pixel", () => {
  for (const output of [
    { width: 16, height: 12 },
    { width: 50, height: 44 },
  ]) {
    const crop = { x: 3, y: 2, width: 55, height: 44.5 };
    const picture = noisyPicture("bgr8", 64, 48);
    const path = pathOf({ source: picture, output, crop, calibration: PLUMB_BOB });
    const out = new Uint8Array(path.outputBytes);
    path.convertInto(picture, out);
    const rectify = sourceFromRectified(PLUMB_BOB);
    const sourceFromOutput = (x: number, y: number, point: Float64Array) => {
      const u = crop.x + (x * crop.width) / output.width;
      const v = crop.y + (y * crop.height) / output.height;
      rectify(u - 0.5, v - 0.5, point);
      point[0]! += 0.5;
      point[1]! += 0.5;
    };
    const error = new ExactImage(picture, sourceFromOutput, 64).meanError(out, output);
    assert.ok(error < 0.6, `${error} levels on pure noise`);
  }
});

test("what lies outside the camera's image is black in every encoding", () => {
  // A rectified image that sees four times as wide as the camera did.
  const wide = { ...PLUMB_BOB, D: [0, 0, 0, 0, 0], P: [13, 0, 32, 0, 0, 13, 24, 0, 0, 0, 1, 0] };
  for (const encoding of ENCODINGS) {
    const picture = noisyPicture(encoding, 64, 48);
    const path = pathOf({ source: picture, output: { width: 64, height: 48 }, calibration: wide });
    const out = new Uint8Array(path.outputBytes).fill(77);
    path.convertInto(picture, out);
    assert.deepEqual([...out.subarray(0, 3 * 64 * 10)], new Array(3 * 64 * 10).fill(0), encoding);
    assert.ok(out[3 * (24 * 64 + 32)]! > 0, encoding);
  }
});

test("a frame with longer rows than any before is read as well", () => {
  const path = pathOf({ source: { encoding: "rgb8", width: 40, height: 30 } });
  const tight = new Uint8Array(path.outputBytes);
  path.convertInto(noisyPicture("rgb8", 40, 30), tight);
  const { data } = noisyPicture("rgb8", 40, 30);
  const stride = 5000;
  const padded = new Uint8Array(stride * 30).fill(255);
  for (let y = 0; y < 30; y++) padded.set(data.subarray(y * 120, (y + 1) * 120), y * stride);
  const out = new Uint8Array(path.outputBytes);
  path.convertInto({ encoding: "rgb8", width: 40, height: 30, stride, data: padded, stampNs: 0n }, out);
  assert.deepEqual(out, tight);
});

test("reads from shared memory and from an odd offset", () => {
  const picture = noisyPicture("bgr8", 40, 30);
  const shared = new Uint8Array(new SharedArrayBuffer(picture.data.length + 1), 1);
  shared.set(picture.data);
  const path = pathOf({ source: picture });
  const expected = new Uint8Array(path.outputBytes);
  const out = new Uint8Array(path.outputBytes);
  path.convertInto(picture, expected);
  path.convertInto({ ...picture, data: shared }, out);
  assert.deepEqual(out, expected);
});

test("refuses a frame that is not what the camera was set up for, naming camera, value and expectation", () => {
  const source = noisyPicture("rgb8", 40, 30);
  const path = pathOf({ source });
  const out = new Uint8Array(path.outputBytes);
  const refusal = (change: object, code: string, message: RegExp) =>
    assert.throws(() => path.convertInto({ ...source, ...change }, out), { code, message });
  refusal({ encoding: "bgr8" }, "ERR_IMAGE_ENCODING", /Expected images of rgb8 from wrist but received bgr8/);
  refusal({ width: 80 }, "ERR_IMAGE_SIZE", /Expected images of 40×30 from wrist but received 80×30/);
  refusal({ height: 31 }, "ERR_IMAGE_SIZE", /but received 40×31/);
  refusal({ stride: Number.NaN }, "ERR_IMAGE_TRUNCATED", /NaN from row to row/);
  refusal({ stride: 119 }, "ERR_IMAGE_TRUNCATED", /30 rows of at least 120 bytes from wrist .* 119 from row to row/);
  refusal({ data: source.data.subarray(1) }, "ERR_IMAGE_TRUNCATED", /but received 3599 bytes/);
  assert.throws(() => path.convertInto(source, out.subarray(1)), { code: "ERR_SHAPE_MISMATCH" });
  path.convertInto(source, out);
});

test("refuses impossible sizes and crops", () => {
  const refusal = (options: Partial<ImagePathOptions>, message: RegExp) =>
    assert.throws(() => pathOf({ source: { encoding: "rgb8", width: 40, height: 30 }, ...options }), {
      code: "ERR_INVALID_ARGUMENT",
      message,
    });
  refusal({ source: { encoding: "yuyv", width: 41, height: 30 } }, /even width of yuyv images for wrist .* 41/);
  refusal({ source: { encoding: "bayer_rggb8", width: 2, height: 30 } }, /received 2×30/);
  refusal({ source: { encoding: "rgba8", width: 20000, height: 30 } }, /received 20000×30/);
  refusal({ source: { encoding: "rgb8", width: 4.5, height: 30 } }, /received 4.5×30/);
  refusal({ output: { width: 0, height: 3 } }, /an output of at least 1×1 for wrist but received 0×3/);
  refusal(
    { source: { encoding: "rgb8", width: 4000, height: 3000 }, output: { width: 4, height: 4 } },
    /up to 1000×750/,
  );
  refusal({ crop: { x: 1, y: 0, width: 40, height: 30 } }, /a crop within 40×30 pixels .* 40×30 pixels at \(1, 0\)/);
  refusal({ crop: { x: 0, y: 0, width: Number.NaN, height: 30 } }, /NaN×30/);
  refusal({ crop: { x: 0, y: 5, width: 10, height: 0 } }, /10×0 pixels at \(0, 5\)/);
});

test("refuses a calibration of another size, and an uncalibrated camera, with the remedy", () => {
  const source = { encoding: "rgb8", width: 128, height: 96 } as const;
  assert.throws(() => pathOf({ source, calibration: PLUMB_BOB }), {
    code: "ERR_CALIBRATION_SIZE",
    message: "Expected images of 64×48 for the calibration of wrist but it sends 128×96.",
    remedy: "Set the camera driver to 64×48, or calibrate the camera at 128×96.",
  });
  const uncalibrated = { ...PLUMB_BOB, K: [0, 0, 0, 0, 0, 0, 0, 0, 0] };
  assert.throws(() => pathOf({ source: { ...source, width: 64, height: 48 }, calibration: uncalibrated }), {
    code: "ERR_CALIBRATION_MISSING",
  });
});

test("allocates no image, row or view per frame", () => {
  for (const encoding of ENCODINGS) {
    const picture = noisyPicture(encoding, 16, 12, { padding: 3 });
    const path = pathOf({ source: picture });
    const out = new Uint8Array(path.outputBytes);
    // The median of a few batches, since some hold the compiler's work or a collection. A call into WebAssembly may box its arguments.
    const batches = Array.from({ length: 6 }, () => {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 5000; i++) path.convertInto(picture, out);
      return process.memoryUsage().heapUsed - before;
    });
    const bytesPerFrame = batches.sort((a, b) => a - b)[3]! / 5000;
    assert.ok(bytesPerFrame < 512, `${bytesPerFrame} bytes a frame of ${encoding}`);
  }
});
