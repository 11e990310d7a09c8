import assert from "node:assert/strict";
import { test } from "node:test";
import { ImagePath } from "../../../src/cameras/image-path.ts";
import { rgbOf } from "../../../src/cli/bench/exact-image.ts";
import { OpenCvTwin } from "../../../src/cli/bench/opencv-twin.ts";
import { testPicture } from "../../../src/cli/bench/test-picture.ts";
import type { CameraModel } from "../../../src/core/camera.ts";
import { ENCODINGS, meanError } from "../../unit/cameras/pictures.ts";

const CAMERA: CameraModel = {
  name: "bench",
  width: 320,
  height: 240,
  K: [260, 0, 160, 0, 260, 120, 0, 0, 1],
  distortionModel: "plumb_bob",
  D: [-0.28, 0.07, 0.001, -0.0005, 0],
  R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  P: [260, 0, 160, 0, 0, 260, 120, 0, 0, 0, 1, 0],
};

test("the bench's picture is the same scene in every encoding", () => {
  const scene = rgbOf(testPicture("rgb8", 64, 48));
  for (const encoding of ENCODINGS.filter((name) => name !== "mono8")) {
    const other = rgbOf(testPicture(encoding, 64, 48));
    const mean = scene.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0) / scene.length;
    assert.ok(mean < 6, `${encoding} differs by ${mean} levels: more than its subsampling`);
  }
});

test("the bench's twin solves the same task: its images are within a level of ours", async (context) => {
  const twin = await OpenCvTwin.start();
  if (twin === undefined) return context.skip("no python3 with cv2 (Debian: python3-opencv)");
  try {
    for (const encoding of ENCODINGS) {
      for (const calibration of [undefined, CAMERA]) {
        const picture = testPicture(encoding, CAMERA.width, CAMERA.height);
        const output = { width: 40, height: 40 };
        const path = new ImagePath({ camera: "bench", source: picture, output, ...(calibration && { calibration }) });
        const ours = new Uint8Array(path.outputBytes);
        path.convertInto(picture, ours);
        const { width, height } = picture;
        const task = { encoding, width, height, output: 40, calibration: calibration ?? null };
        const theirs = await twin.prepare(task, picture.data);
        const distance = meanError(ours, Float64Array.from(theirs));
        assert.ok(distance < 1, `${encoding}${calibration ? ", undistorted" : ""}: ${distance} levels`);
      }
    }
    assert.ok((await twin.time(1, 1)).every((ms) => ms > 0));
  } finally {
    await twin.close();
  }
});
