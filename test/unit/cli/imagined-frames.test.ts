import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { writeImaginationStrip } from "../../../src/cli/plot/imagined-frames.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-strip-"));
after(() => rm(folder, { recursive: true }));

const STEPS = 2;
const GAP = 2;
const ENLARGED = 2;

/** Frames of one gray each: `shade` and the steps after it, the imagined ones darker by 100. */
function viewOf(camera: string, width: number, height: number, shade: number) {
  const framesOf = (first: number) =>
    Array.from({ length: STEPS }, (_, step) => new Uint8Array(width * height * 3).fill(first + step));
  return { camera, width, height, trueFrames: framesOf(shade), imaginedFrames: framesOf(shade - 100) };
}

test("cameras of different sizes stand one below the other, each whole", async () => {
  const views = [viewOf("wide", 8, 4, 150), viewOf("tall", 4, 6, 200)];
  const path = join(folder, "strip.png");
  await writeImaginationStrip(path, { views, trueRewards: [0, 0], imaginedRewards: [0, 0] });
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [ENLARGED * (2 * 8 + GAP), ENLARGED * (4 + 4 + 6 + 6 + 3 * GAP)]);

  const expected = Array.from({ length: (info.width * info.height) / ENLARGED ** 2 }, () => 255);
  let top = 0;
  for (const { width, height, trueFrames, imaginedFrames } of views) {
    for (const frames of [trueFrames, imaginedFrames]) {
      for (let i = 0; i < STEPS * height * width; i++) {
        const [x, y, step] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
        expected[(top + y) * (info.width / ENLARGED) + step * (width + GAP) + x] = frames[step]![0]!;
      }
      top += height + GAP;
    }
  }
  const found = expected.map((_, i) => {
    const columns = info.width / ENLARGED;
    const [x, y] = [ENLARGED * (i % columns), ENLARGED * Math.floor(i / columns)];
    return data[(y * info.width + x) * info.channels]!;
  });
  assert.deepEqual(found, expected);
});
