import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { decodeImage } from "../../../src/cameras/decode.ts";
import { CAMERA_SOURCES } from "../../../src/cameras/sources/index.ts";
import { openCameraSource } from "../../../src/cameras/sources/open-source.ts";
import { type CameraFrame, type CameraSource, isCompressed } from "../../../src/cameras/sources/source.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "camera-source-"));
  for (const [i, camera] of ["wrist", "scene", "wrist", "scene", "wrist"].entries()) {
    const image = sharp({ create: { width: 8, height: 6, channels: 3, background: { r: 40 * i, g: 0, b: 0 } } });
    await writeFile(join(folder, `${camera}_${i}.png`), await image.png().toBuffer());
  }
  await writeFile(join(folder, "notes.txt"), "not an image");
});
after(() => rm(folder, { recursive: true }));

/** A configuration that opens each registered kind; a new kind needs one here. */
const EXAMPLES: Readonly<Record<keyof typeof CAMERA_SOURCES, () => object>> = {
  "image-folder": () => ({ folder, prefix: "wrist_", rateHz: 10 }),
};

async function allFrames(source: CameraSource): Promise<CameraFrame[]> {
  const frames = [];
  for await (const frame of source.frames()) frames.push(frame);
  return frames;
}

for (const [kind, example] of Object.entries(EXAMPLES)) {
  test(`${kind} hands out readable frames in the order of capture, the same ones each time`, async () => {
    const source = await openCameraSource("wrist", kind, example(), "test");
    assert.equal(source.camera, "wrist");
    const frames = await allFrames(source);
    assert.ok(frames.length > 1);
    for (const [i, frame] of frames.entries()) {
      if (i > 0) assert.ok(frame.stampNs > frames[i - 1]!.stampNs);
      const image = isCompressed(frame) ? await decodeImage("wrist", frame) : frame;
      assert.ok(image.data.length >= image.stride * image.height);
    }
    assert.deepEqual(await allFrames(source), frames);
  });

  test(`${kind} refuses a key that it does not know`, async () => {
    await assert.rejects(openCameraSource("wrist", kind, { ...example(), shutter: 1 }, "test"), {
      code: "ERR_UNKNOWN_KEY",
      message: /shutter/,
    });
  });
}

test("every registered kind has an example", () => {
  assert.deepEqual(Object.keys(EXAMPLES), Object.keys(CAMERA_SOURCES));
});

test("an unknown kind names the known ones", async () => {
  await assert.rejects(openCameraSource("wrist", "webcam", {}, "test"), {
    code: "ERR_CAMERA_SOURCE",
    message: 'Expected a camera source of image-folder for wrist but received "webcam".',
  });
});

test("image-folder takes the named camera's files only and stamps them at its rate", async () => {
  const config = { folder, prefix: "wrist_", rateHz: 10, startNs: 5 };
  const frames = await allFrames(await openCameraSource("wrist", "image-folder", config, "test"));
  assert.deepEqual(
    frames.map((frame) => frame.stampNs),
    [5n, 100_000_005n, 200_000_005n],
  );
  const decoded = await Promise.all(frames.map((frame) => decodeImage("wrist", { ...frame, format: "png" })));
  assert.deepEqual(
    decoded.map((image) => image.data[0]),
    [0, 80, 160],
  );
});

test("image-folder says which folder is missing or holds no image", async () => {
  const open = (config: object) => openCameraSource("wrist", "image-folder", config, "test");
  await assert.rejects(open({ folder: join(folder, "gone") }), { code: "ERR_CAMERA_SOURCE", message: /gone/ });
  await assert.rejects(open({ folder, prefix: "depth_" }), {
    code: "ERR_CAMERA_SOURCE",
    message: /named depth_\*\.jpg or depth_\*\.png for wrist in .* none among 6 files/,
  });
});

const bridge = fileURLToPath(new URL("../../../../../shared/data/bridge/episode_00", import.meta.url));
const skip = existsSync(bridge) ? false : `no recorded episode at ${bridge}`;
test("image-folder reads a recorded episode of the BridgeData set", { skip }, async () => {
  const config = { folder: bridge, prefix: "image_0_", rateHz: 5 };
  const frames = await allFrames(await openCameraSource("scene", "image-folder", config, "test"));
  assert.ok(frames.length >= 10);
  for (const frame of frames) {
    assert.ok(isCompressed(frame));
    const image = await decodeImage("scene", frame);
    assert.deepEqual([image.width, image.height], [64, 64]);
  }
});
