export interface Strip {
  readonly width: number;
  readonly height: number;
  /** RGB. Shapes: [Y, X, 3] */
  readonly data: Uint8Array;
}

/** Frames of one size side by side, one row for each camera. Shapes: each row [T, Y, X, 3] of T frames or more. */
export function filmStrip(rows: readonly Uint8Array[], frames: number, width: number, height: number): Strip {
  const lineBytes = 3 * width;
  const stripBytes = lineBytes * frames;
  const data = new Uint8Array(stripBytes * height * rows.length);
  rows.forEach((row, camera) => {
    for (let frame = 0; frame < frames; frame++) {
      for (let y = 0; y < height; y++) {
        const from = (frame * height + y) * lineBytes;
        data.set(row.subarray(from, from + lineBytes), (camera * height + y) * stripBytes + frame * lineBytes);
      }
    }
  });
  return { width: width * frames, height: height * rows.length, data };
}
