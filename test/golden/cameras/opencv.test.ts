import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ImagePath, type ImagePathOptions } from "../../../src/cameras/image-path.ts";
import { sourceFromRectified } from "../../../src/cameras/lens.ts";
import type { CameraModel, CropRegion, PixelEncoding } from "../../../src/core/camera.ts";

interface Golden {
  readonly versions: { readonly opencv: string };
  readonly output: { readonly width: number; readonly height: number };
  readonly crop: CropRegion;
  readonly lenses: readonly {
    readonly camera: CameraModel;
    /** Pixel of the rectified image, then where it lies in the camera's. */
    readonly points: readonly (readonly [u: number, v: number, x: number, y: number])[];
    readonly undistorted: readonly number[];
  }[];
  readonly conversions: Readonly<Record<string, { width: number; height: number; rgb: readonly number[] }>>;
  readonly area: { readonly rgb: readonly number[] };
}

const file = new URL("../../../../test/golden/cameras/opencv.json", import.meta.url); // seen from dist/test/golden/cameras
const golden: Golden = JSON.parse(readFileSync(file, "utf8"));
const by = `as OpenCV ${golden.versions.opencv}`;

/** The bytes of make_golden.py. */
function noise(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function convert(options: Omit<ImagePathOptions, "camera">, data: Uint8Array): Uint8Array {
  const path = new ImagePath({ camera: "golden", ...options });
  const out = new Uint8Array(path.outputBytes);
  const stride = data.length / options.source.height;
  path.convertInto({ ...options.source, stride, data, stampNs: 0n }, out);
  return out;
}

function errors(actual: Uint8Array, expected: readonly number[]): { readonly mean: number; readonly worst: number } {
  assert.equal(actual.length, expected.length);
  const differences = expected.map((value, i) => Math.abs(value - actual[i]!));
  return { mean: differences.reduce((sum, d) => sum + d, 0) / differences.length, worst: Math.max(...differences) };
}

for (const { camera, points, undistorted } of golden.lenses) {
  test(`${camera.distortionModel} maps rectified pixels into the camera's image ${by} (1e-3 pixels)`, () => {
    const rectify = sourceFromRectified(camera);
    const found = new Float64Array(2);
    for (const [u, v, x, y] of points) {
      rectify(u, v, found);
      assert.ok(Math.hypot(found[0]! - x, found[1]! - y) < 1e-3, `(${u}, ${v}) → (${found}) instead of (${x}, ${y})`);
    }
  });

  test(`undistorting ${camera.distortionModel} averages ${by} remapped at 64×64 samples (0.6 levels on noise)`, () => {
    const source = { encoding: "rgb8", width: camera.width, height: camera.height } as const;
    const { output, crop } = golden;
    const image = convert({ source, output, crop, calibration: camera }, noise(source.width * source.height * 3, 11));
    const { mean, worst } = errors(image, undistorted);
    assert.ok(mean < 0.6 && worst < 3, `mean ${mean}, worst ${worst}`);
  });
}

for (const [encoding, { width, height, rgb }] of Object.entries(golden.conversions)) {
  test(`${encoding} becomes rgb ${by} (1 level)`, () => {
    const source = { encoding: encoding as PixelEncoding, width, height };
    const bytesPerPixel = { bgr8: 3, rgba8: 4, bgra8: 4, yuyv: 2, uyvy: 2 }[encoding] ?? 1;
    const bytes = noise(width * height * bytesPerPixel, 5);
    const data = bytesPerPixel === 2 ? bytes.map((byte) => (byte >> 1) + 64) : bytes;
    const image = convert({ source, output: { width, height } }, data);
    assert.ok(errors(image, rgb).worst <= 1, `worst ${errors(image, rgb).worst}`);
  });
}

test(`resizing averages areas ${by} INTER_AREA (half a level: the rounding)`, () => {
  const source = { encoding: "rgb8", width: 64, height: 48 } as const;
  const image = convert({ source, output: golden.output }, noise(64 * 48 * 3, 3));
  assert.ok(errors(image, golden.area.rgb).worst < 0.6);
});
