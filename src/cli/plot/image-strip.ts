import sharp from "sharp";
import type { Imagination } from "../../learning/imagination.ts";

/** Empty pixels between frames. */
const GAP_PX = 2;
const SCALE = 2;

/** Writes a PNG: for each camera a row of true frames above a row of imagined ones, left to right in time. */
export async function writeImaginationStrip(path: string, imagination: Imagination): Promise<void> {
  const { width, height, trueFrames, imaginedFrames } = imagination;
  const rows = Object.keys(trueFrames).flatMap((camera) => [trueFrames[camera]!, imaginedFrames[camera]!]);
  const columns = rows[0]?.length ?? 0;
  const stripWidth = columns * (width + GAP_PX) - GAP_PX;
  const stripHeight = rows.length * (height + GAP_PX) - GAP_PX;
  const strip = new Uint8Array(stripWidth * stripHeight * 3).fill(255);
  rows.forEach((frames, row) => {
    frames.forEach((frame, column) => {
      for (let y = 0; y < height; y++) {
        const target = (row * (height + GAP_PX) + y) * stripWidth + column * (width + GAP_PX);
        strip.set(frame.subarray(y * width * 3, (y + 1) * width * 3), target * 3);
      }
    });
  });
  await sharp(strip, { raw: { width: stripWidth, height: stripHeight, channels: 3 } })
    .resize({ width: stripWidth * SCALE, height: stripHeight * SCALE, kernel: "nearest" })
    .png()
    .toFile(path);
}

const RESET = "\x1b[0m";

/**
 * An image as coloured half blocks for a terminal, `columns` characters wide: two pixels above one another in every character.
 *
 * Shapes: image [Y, X, 3]
 */
export function terminalImage(image: Uint8Array, width: number, height: number, columns: number): string[] {
  const cell = width / columns;
  const colorAt = (column: number, row: number) => meanColor(image, width, column * cell, row * cell, cell).join(";");
  const rows = Math.floor(height / cell / 2);
  return Array.from({ length: rows }, (_, row) => {
    const characters = Array.from(
      { length: columns },
      (_, column) => `\x1b[38;2;${colorAt(column, 2 * row)}m\x1b[48;2;${colorAt(column, 2 * row + 1)}m▀`,
    );
    return characters.join("") + RESET;
  });
}

function meanColor(image: Uint8Array, width: number, left: number, top: number, size: number): number[] {
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = Math.floor(top); y < Math.ceil(top + size); y++) {
    for (let x = Math.floor(left); x < Math.ceil(left + size); x++) {
      for (let c = 0; c < 3; c++) sums[c]! += image[(y * width + x) * 3 + c]!;
      count++;
    }
  }
  return sums.map((sum) => Math.round(sum / count));
}
