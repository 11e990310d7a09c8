import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { calibrationHash, isCalibrated } from "../../../src/cameras/calibration.ts";
import { formatCameraInfo, parseCameraInfo, readCameraInfo } from "../../../src/cameras/camera-info.ts";

const VALID = `image_width: 640
image_height: 480
camera_name: wrist
camera_matrix:
  rows: 3
  cols: 3
  data: [520.5, 0, 320, 0, 519.25, 240, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.28, 0.07, 0.001, -0.0005, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]
`;

test("reads the layout of camera_info_manager, and writes the same bytes back", () => {
  const model = parseCameraInfo(VALID, "wrist.yaml");
  assert.equal(model.name, "wrist");
  assert.deepEqual([model.width, model.height], [640, 480]);
  assert.deepEqual(model.D, [-0.28, 0.07, 0.001, -0.0005, 0]);
  assert.equal(model.P[0], 500);
  assert.equal(formatCameraInfo(model), VALID);
});

test("a file without a distortion model means plumb_bob, as in ROS", () => {
  const model = parseCameraInfo(VALID.replace("distortion_model: plumb_bob\n", ""), "wrist.yaml");
  assert.equal(model.distortionModel, "plumb_bob");
});

/** What is done to the valid file, and the error that follows. */
const MISTAKES: readonly (readonly [find: string, replace: string, code: string, message: RegExp])[] = [
  ["image_width: 640", "image_width: wide", "ERR_INVALID_VALUE", /image_width.* wrist\.yaml.* "?'?wide/],
  ["image_width: 640\n", "", "ERR_MISSING_KEY", /image_width/],
  ["image_width: 640", "image_widht: 640", "ERR_UNKNOWN_KEY", /image_widht.*wrist\.yaml.*'image_width'/],
  ["image_height: 480", "image_height: -480", "ERR_INVALID_VALUE", /image_height/],
  ["camera_name: wrist\n", "", "ERR_MISSING_KEY", /camera_name/],
  ["distortion_model: plumb_bob", "distortion_model: fov", "ERR_INVALID_VALUE", /distortion_model.*fov/],
  ["[520.5, 0, 320, 0", "[520.5, 0, 320", "ERR_INVALID_VALUE", /camera_matrix\.data/],
  ["[520.5, 0", "[.nan, 0", "ERR_INVALID_VALUE", /camera_matrix\.data/],
  ["[520.5, 0", "[-520.5, 0", "ERR_INVALID_VALUE", /positive focal lengths at 0 and 4 for 'camera_matrix\.data'/],
  ["cols: 5", "cols: 8", "ERR_INVALID_VALUE", /8 numbers, as its cols says, for 'distortion_coefficients\.data'/],
  ["plumb_bob", "equidistant", "ERR_INVALID_VALUE", /Expected 4 coefficients of equidistant for 'distortion_coeff/],
  ["[1, 0, 0, 0, 1", "[1, 0, 0, 0, 2", "ERR_INVALID_VALUE", /Expected a rotation for 'rectification_matrix\.data'/],
  ["[500, 0", "[-500, 0", "ERR_INVALID_VALUE", /projection_matrix\.data/],
  ["  cols: 4", "  cols: 3", "ERR_INVALID_VALUE", /projection_matrix\.cols/],
  ["data: [1,", "data: [1,,", "ERR_SYNTAX", /wrist\.yaml/],
];

for (const [find, replace, code, message] of MISTAKES) {
  test(`${JSON.stringify(find)} → ${JSON.stringify(replace)} in a camera_info file is ${code}`, () => {
    const text = VALID.replace(find, replace);
    assert.notEqual(text, VALID);
    assert.throws(() => parseCameraInfo(text, "wrist.yaml"), { code, message });
  });
}

test("reads from a file, and says which one is missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "camera-info-"));
  try {
    await writeFile(join(folder, "wrist.yaml"), VALID);
    assert.equal((await readCameraInfo(join(folder, "wrist.yaml"))).name, "wrist");
    await assert.rejects(readCameraInfo(join(folder, "scene.yaml")), {
      code: "ERR_FILE_UNREADABLE",
      message: /scene\.yaml/,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("K[0] = 0 is an uncalibrated camera, whatever the other fields hold", () => {
  const text = VALID.replace(/520.5, 0, 320, 0, 519.25, 240, 0, 0, 1/, "0, 0, 0, 0, 0, 0, 0, 0, 0")
    .replace("[-0.28, 0.07, 0.001, -0.0005, 0]", "[]")
    .replace("cols: 5", "cols: 0");
  assert.equal(isCalibrated(parseCameraInfo(text, "wrist.yaml")), false);
  assert.equal(isCalibrated(parseCameraInfo(VALID, "wrist.yaml")), true);
});

test("the calibration's hash follows its numbers, and neither the layout nor the name", () => {
  const model = parseCameraInfo(VALID, "wrist.yaml");
  const hash = calibrationHash(model);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const reordered = VALID.split("\n").slice(2).join("\n").concat("image_height: 480\nimage_width: 640.0\n");
  assert.equal(calibrationHash(parseCameraInfo(reordered, "wrist.yaml")), hash);
  assert.equal(calibrationHash({ ...model, name: "scene" }), hash);
  assert.equal(calibrationHash({ ...model, D: [-0, 0, 0, 0, 0] }), calibrationHash({ ...model, D: [0, 0, 0, 0, 0] }));
  for (const change of [
    { width: 641 },
    { height: 481 },
    { distortionModel: "rational_polynomial" as const },
    { K: [520.6, ...model.K.slice(1)] },
    { D: [-0.281, ...model.D.slice(1)] },
    { R: [...model.R.slice(0, 8), 0.999999] },
    { P: [501, ...model.P.slice(1)] },
  ]) {
    assert.notEqual(calibrationHash({ ...model, ...change }), hash, JSON.stringify(change));
  }
});
