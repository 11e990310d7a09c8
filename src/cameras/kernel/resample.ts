import type { PixelFormat } from "../pixel-format.ts";
import { type Code, f32x4, i8x16, i16x8, i32, i32x4, type KernelCode, local, repeatWhile, v128 } from "./assembler.ts";

/** Weights are multiples of 2⁻¹⁴, so that a weight of 1 still fits into 16 bits with its sign. */
export const WEIGHT_BITS = 14;

/** A record begins with the window's byte in its row and its row (16 bits each), and the sum of the weights (32 bits). */
export const RECORD_HEADER_BYTES = 8;
export const WEIGHT_SUM_OFFSET = 4;
const PAIR_BYTES = 4;

export type ColorOrder = "rgb" | "bgr";

/** Size of the window of source pixels that every output pixel is made of. */
export interface WindowShape {
  readonly rows: number;
  /** Pairs of neighbouring pixels in a row. */
  readonly pairs: number;
}

/** A record holds where one output pixel's window starts, and two 16-bit weights for each pair of the window. */
export function recordBytes({ rows, pairs }: WindowShape): number {
  return RECORD_HEADER_BYTES + rows * pairs * PAIR_BYTES;
}

const [SOURCE, STRIDE, TABLE, OUT, OUT_END, ROW, SUM] = [0, 1, 2, 3, 4, 5, 6] as const;
const ZERO = v128.constBytes(new Array<number>(16).fill(0));
const HALF = 1 << (WEIGHT_BITS - 1);

/**
 * BT.601, limited range: what Y, U, V and the weights contribute to red, green and blue. The weights carry the offsets
 * (16, 128, 128), so that pixels partly outside the source fade to black.
 */
const RGB_FROM_Y = [255 / 219, 255 / 219, 255 / 219];
const RGB_FROM_U = [0, -0.391762, 2.017232];
const RGB_FROM_V = [1.596027, -0.812968, 0];
const RGB_FROM_WEIGHTS = [0, 1, 2].map((i) => -16 * RGB_FROM_Y[i]! - 128 * (RGB_FROM_U[i]! + RGB_FROM_V[i]!));

/** One pair: bytes → 16-bit lanes r r g g b b · ·, times the pair's weights, added up per channel. */
function addPair({ lanes, bytesPerPixel }: PixelFormat, pair: number, weightOffset: number): Code {
  const bytes = v128.load64(local.get(ROW), pair * 2 * bytesPerPixel);
  const widened = i8x16.shuffle(bytes, ZERO, [...lanes.flatMap((byte) => [byte, 16]), 16, 16, 16, 16]);
  const weighted = i32x4.dot(widened, v128.load32Splat(local.get(TABLE), weightOffset));
  return local.set(SUM, i32x4.add(local.get(SUM), weighted));
}

/** The sums of a window's channels → whole levels. */
function rounded(colour: PixelFormat["colour"]): Code {
  if (colour === "rgb") {
    return i32x4.shiftRight(i32x4.add(local.get(SUM), v128.const(Int32Array.of(HALF, HALF, HALF, HALF))), WEIGHT_BITS);
  }
  const times = (sums: Code, rgb: readonly number[]) =>
    f32x4.mul(sums, v128.const(Float32Array.from([...rgb, 0], (value) => value / (1 << WEIGHT_BITS))));
  const everywhere = (channel: number) => {
    const lane = [0, 1, 2, 3].map((byte) => 4 * channel + byte);
    return i8x16.shuffle(local.get(SUM), local.get(SUM), [...lane, ...lane, ...lane, ...lane]);
  };
  const weights = f32x4.fromInt(v128.load32Splat(local.get(TABLE), WEIGHT_SUM_OFFSET));
  return [
    ...local.set(SUM, f32x4.fromInt(local.get(SUM))),
    ...i32x4.roundFloat(
      f32x4.add(
        f32x4.add(times(everywhere(0), RGB_FROM_Y), times(everywhere(1), RGB_FROM_U)),
        f32x4.add(times(everywhere(2), RGB_FROM_V), times(weights, RGB_FROM_WEIGHTS)),
      ),
    ),
  ];
}

/**
 * The kernel `(source, stride, table, out, outEnd)`: every output pixel becomes the weighted sum of its window,
 * in the given order. Unrolled for the window's size.
 *
 * Colour conversion follows the sum, once per output pixel: it is linear, so this differs from converting every
 * source pixel only where one of those would have been clamped.
 */
export function resampleKernel(format: PixelFormat, window: WindowShape, order: ColorOrder): KernelCode {
  const windowStart = i32.add(
    i32.add(local.get(SOURCE), i32.load16(local.get(TABLE), 0)),
    i32.mul(i32.load16(local.get(TABLE), 2), local.get(STRIDE)),
  );
  const body: number[] = [...local.set(ROW, windowStart), ...local.set(SUM, ZERO)];
  for (let row = 0; row < window.rows; row++) {
    if (row > 0) body.push(...local.set(ROW, i32.add(local.get(ROW), local.get(STRIDE))));
    for (let pair = 0; pair < window.pairs; pair++) {
      body.push(...addPair(format, pair, RECORD_HEADER_BYTES + (row * window.pairs + pair) * PAIR_BYTES));
    }
  }
  const packed = i8x16.narrowUnsigned(local.get(SUM), ZERO);
  const reversed = i8x16.shuffle(packed, ZERO, [2, 1, 0, ...new Array<number>(13).fill(16)]);
  body.push(
    ...local.set(SUM, rounded(format.colour)),
    ...local.set(SUM, i16x8.narrowSigned(local.get(SUM), ZERO)),
    // Three bytes count, the fourth is overwritten by the next pixel.
    ...v128.store32(local.get(OUT), order === "rgb" ? packed : reversed),
    ...local.set(TABLE, i32.add(local.get(TABLE), i32.const(recordBytes(window)))),
    ...local.set(OUT, i32.add(local.get(OUT), i32.const(3))),
  );
  return {
    parameters: 5,
    locals: ["i32", "v128"],
    body: repeatWhile(body, i32.lessThan(local.get(OUT), local.get(OUT_END))),
  };
}
