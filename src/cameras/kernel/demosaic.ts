import { type Code, i8x16, i32, type KernelCode, local, repeatWhile, v128 } from "./assembler.ts";

const [ABOVE, ROW, BELOW, OUT, OUT_END] = [0, 1, 2, 3, 4] as const;
const [CENTRE, HORIZONTAL, VERTICAL, DIAGONAL, CROSS, SAME, GREEN, OTHER] = [5, 6, 7, 8, 9, 10, 11, 12] as const;

/** Pixels that one turn of the kernel writes. */
const PIXELS = 16;
/** How far it may write behind the end of a row. */
export const DEMOSAIC_OVERRUN_BYTES = 4 * (PIXELS - 1);

/** Rounds down where `averageRoundingUp` rounds up, so that the mean of four has no bias. */
const averageRoundingDown = (a: Code, b: Code) => v128.not(i8x16.averageRoundingUp(v128.not(a), v128.not(b)));
const at = (row: number, column: number) => v128.load(local.get(row), column + 1);

/** Where the row's own colour (red in a red row) sits at even columns, and where at odd ones. */
const columnMask = (parity: 0 | 1) => Array.from({ length: 16 }, (_, i) => (i % 2 === parity ? 255 : 0));

/** Four planes of 16 bytes → 16 pixels of rgba8, a quarter at a time. */
function interleaved(red: Code, green: Code, blue: Code, quarter: number): Code {
  const pixels = [0, 1, 2, 3].map((i) => 4 * quarter + i);
  const redGreen = i8x16.shuffle(
    red,
    green,
    pixels.flatMap((pixel) => [pixel, 16 + pixel, 0, 0]),
  );
  return i8x16.shuffle(
    redGreen,
    blue,
    pixels.flatMap((pixel, i) => [4 * i, 4 * i + 1, 16 + pixel, 4 * i + 3]),
  );
}

/**
 * The kernel `(above, row, below, out, outEnd)`: bilinear interpolation of one mosaic row to rgba8.
 *
 * The row addresses point one pixel left of the first one written. Differs from the exact mean of four neighbours by
 * less than one level.
 */
export function demosaicKernel(ownColour: "red" | "blue", ownParity: 0 | 1): KernelCode {
  const own = v128.constBytes(columnMask(ownParity));
  const [red, blue] = ownColour === "red" ? [SAME, OTHER] : [OTHER, SAME];
  const body = [
    ...local.set(CENTRE, at(ROW, 0)),
    ...local.set(HORIZONTAL, i8x16.averageRoundingUp(at(ROW, -1), at(ROW, 1))),
    ...local.set(VERTICAL, i8x16.averageRoundingUp(at(ABOVE, 0), at(BELOW, 0))),
    ...local.set(CROSS, averageRoundingDown(local.get(HORIZONTAL), local.get(VERTICAL))),
    ...local.set(
      DIAGONAL,
      averageRoundingDown(
        i8x16.averageRoundingUp(at(ABOVE, -1), at(ABOVE, 1)),
        i8x16.averageRoundingUp(at(BELOW, -1), at(BELOW, 1)),
      ),
    ),
    ...local.set(SAME, v128.bitselect(local.get(CENTRE), local.get(HORIZONTAL), own)),
    ...local.set(GREEN, v128.bitselect(local.get(CROSS), local.get(CENTRE), own)),
    ...local.set(OTHER, v128.bitselect(local.get(DIAGONAL), local.get(VERTICAL), own)),
    ...[0, 1, 2, 3].flatMap((quarter) =>
      v128.store(local.get(OUT), interleaved(local.get(red), local.get(GREEN), local.get(blue), quarter), 16 * quarter),
    ),
    ...[ABOVE, ROW, BELOW].flatMap((row) => local.set(row, i32.add(local.get(row), i32.const(PIXELS)))),
    ...local.set(OUT, i32.add(local.get(OUT), i32.const(4 * PIXELS))),
  ];
  return {
    parameters: 5,
    locals: Array.from({ length: 8 }, () => "v128" as const),
    body: repeatWhile(body, i32.lessThan(local.get(OUT), local.get(OUT_END))),
  };
}
