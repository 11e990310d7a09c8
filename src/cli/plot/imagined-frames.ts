import sharp, { type Sharp } from "sharp";
import type { Imagination } from "../../learning/imagination.ts";
import { encodeVideo } from "../../replay/datasets/ffmpeg.ts";

/** Empty pixels between frames. */
const GAP_PX = 2;
/** Screen pixels of a frame's pixel: a film shows one step at a time. */
const SCALE = { strip: 2, film: 4 };

/** Writes a PNG: for each camera a row of true frames above a row of imagined ones, left to right in time. */
export async function writeImaginationStrip(path: string, imagination: Imagination): Promise<void> {
  await enlarged(layOut(imagination), SCALE.strip).png().toFile(path);
}

/**
 * Writes an MP4: for each camera the true frame above the imagined one, step by step.
 * @throws ERR_FFMPEG if ffmpeg is not on the PATH, or fails
 */
export async function writeImaginationFilm(path: string, imagination: Imagination, rateHz: number): Promise<void> {
  const { width, height } = layOut(imagination, 0, 1);
  const format = { width: width * SCALE.film, height: height * SCALE.film, rateHz };
  await encodeVideo(path, format, "h264", filmOf(imagination));
}

async function* filmOf(imagination: Imagination): AsyncGenerator<Uint8Array> {
  for (let step = 0; step < imagination.trueRewards.length; step++) {
    yield await enlarged(layOut(imagination, step, step + 1), SCALE.film)
      .raw()
      .toBuffer();
  }
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Shapes: [Y, X, 3] */
  readonly pixels: Uint8Array;
}

/** A column for each of these steps, by default all, and two rows for each camera. */
function layOut({ views }: Imagination, from = 0, to?: number): Picture {
  const rows = views.flatMap(({ width, height, trueFrames, imaginedFrames }) =>
    [trueFrames, imaginedFrames].map((frames) => ({ width, height, frames: frames.slice(from, to) })),
  );
  const stripWidth = Math.max(...rows.map(({ width, frames }) => frames.length * (width + GAP_PX) - GAP_PX));
  const stripHeight = rows.reduce((sum, { height }) => sum + height + GAP_PX, -GAP_PX);
  const pixels = new Uint8Array(stripWidth * stripHeight * 3).fill(255);
  let top = 0;
  for (const { width, height, frames } of rows) {
    frames.forEach((frame, column) => {
      for (let y = 0; y < height; y++) {
        const target = (top + y) * stripWidth + column * (width + GAP_PX);
        pixels.set(frame.subarray(y * width * 3, (y + 1) * width * 3), target * 3);
      }
    });
    top += height + GAP_PX;
  }
  return { width: stripWidth, height: stripHeight, pixels };
}

function enlarged({ width, height, pixels }: Picture, scale: number): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } }).resize({
    width: width * scale,
    height: height * scale,
    kernel: "nearest",
  });
}
