import { LatentloopError } from "../../core/errors.ts";
import type { PixelFormat } from "../pixel-format.ts";
import { type Footprints, type Geometry, mapFootprints } from "./footprints.ts";
import { RECORD_HEADER_BYTES, recordBytes, WEIGHT_BITS, WEIGHT_SUM_OFFSET, type WindowShape } from "./resample.ts";

export interface TapTable {
  readonly window: WindowShape;
  /** One record for each output pixel, row by row. */
  readonly bytes: Uint8Array;
}

/** A source pixel touched by less than this does not widen the window: the coordinates are rounded by as much. */
const TOUCH_PIXELS = 1e-3;
/** The kernel is unrolled for the window: about a 90-fold reduction on both axes, or a mapping that tears neighbours apart. */
const MAX_WINDOW_PAIRS = 4096;
const MAX_TABLE_BYTES = 256 * 2 ** 20;

/**
 * The weights of the area average: an output pixel is the mean of the source over its footprint, where the source is
 * constant within each of its pixels and black outside.
 *
 * Weights of one output pixel sum to 2¹⁴ unless its footprint leaves the source.
 * @throws ERR_INVALID_ARGUMENT if the mapping spreads single output pixels over too much of the source
 */
export function buildTapTable(geometry: Geometry, format: PixelFormat): TapTable {
  const footprints = mapFootprints(geometry);
  const { width, height } = geometry.output;
  const starts = new Uint16Array(width * height * 2);
  const span = new Float64Array(4);
  let columns = 1;
  let rows = 1;
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (!measureSpan(geometry, footprints, pixel, span)) continue;
    const left = span[0]! - (span[0]! % format.alignment);
    starts[2 * pixel] = left;
    starts[2 * pixel + 1] = span[1]!;
    columns = Math.max(columns, span[2]! - left);
    rows = Math.max(rows, span[3]! - span[1]!);
  }
  const window = { rows, pairs: Math.ceil(columns / 2) };
  if (rows * window.pairs > MAX_WINDOW_PAIRS || recordBytes(window) * width * height > MAX_TABLE_BYTES) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected at most ${MAX_TABLE_BYTES >> 20} MiB of weights and ${2 * MAX_WINDOW_PAIRS} source pixels in an output pixel but ${width}×${height} of them cover up to ${columns}×${rows} each.`,
      { remedy: "Choose an output size nearer to the crop's, or check the calibration's distortion coefficients." },
    );
  }
  return { window, bytes: writeRecords(geometry, footprints, format, window, starts) };
}

/** Offset of the first box of an output pixel's parts; its next rows of parts follow every `columns` boxes. */
function firstBox({ output, parts }: Geometry, { columns }: Footprints, pixel: number): number {
  const x = pixel % output.width;
  const y = (pixel - x) / output.width;
  return 4 * (y * parts[1] * columns + x * parts[0]);
}

/** Source pixels that an output pixel touches: [left, top, right, bottom). False if there is none. */
function measureSpan(geometry: Geometry, footprints: Footprints, pixel: number, span: Float64Array): boolean {
  const { source, parts } = geometry;
  const { columns, boxes } = footprints;
  const first = firstBox(geometry, footprints, pixel);
  span.set([source.width, source.height, 0, 0]);
  for (let row = 0; row < parts[1]; row++) {
    for (let i = 0, box = first + 4 * row * columns; i < parts[0]; i++, box += 4) {
      const left = Math.max(0, Math.floor(boxes[box]! + TOUCH_PIXELS));
      const top = Math.max(0, Math.floor(boxes[box + 1]! + TOUCH_PIXELS));
      const right = Math.min(source.width, Math.ceil(boxes[box + 2]! - TOUCH_PIXELS));
      const bottom = Math.min(source.height, Math.ceil(boxes[box + 3]! - TOUCH_PIXELS));
      if (!(left < right && top < bottom)) continue; // outside, or not a number
      if (left < span[0]!) span[0] = left;
      if (top < span[1]!) span[1] = top;
      if (right > span[2]!) span[2] = right;
      if (bottom > span[3]!) span[3] = bottom;
    }
  }
  return span[0]! < span[2]!;
}

function writeRecords(
  geometry: Geometry,
  footprints: Footprints,
  format: PixelFormat,
  window: WindowShape,
  starts: Uint16Array,
): Uint8Array {
  const { output, source, parts } = geometry;
  const weights = new Float64Array(window.rows * window.pairs * 2);
  const bytes = new Uint8Array(recordBytes(window) * output.width * output.height);
  const record = new DataView(bytes.buffer);
  for (let pixel = 0, offset = 0; pixel < output.width * output.height; pixel++, offset += recordBytes(window)) {
    const left = starts[2 * pixel]!;
    const top = starts[2 * pixel + 1]!;
    const width = Math.min(window.pairs * 2, source.width - left);
    const height = Math.min(window.rows, source.height - top);
    const first = firstBox(geometry, footprints, pixel);
    weights.fill(0);
    for (let row = 0; row < parts[1]; row++) {
      for (let i = 0, box = first + 4 * row * footprints.columns; i < parts[0]; i++, box += 4) {
        layBox(footprints.boxes, box, weights, window.pairs * 2, left, top, width, height);
      }
    }
    record.setUint16(offset, left * format.bytesPerPixel, true);
    record.setUint16(offset + 2, top, true);
    const sum = quantise(weights, parts[0] * parts[1], record, offset + RECORD_HEADER_BYTES);
    record.setInt32(offset + WEIGHT_SUM_OFFSET, sum, true);
  }
  return bytes;
}

/** Adds to each window pixel the share of the box that lies over it. */
function layBox(
  boxes: Float32Array,
  box: number,
  weights: Float64Array,
  stride: number,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  const x0 = boxes[box]! - left;
  const y0 = boxes[box + 1]! - top;
  const x1 = boxes[box + 2]! - left;
  const y1 = boxes[box + 3]! - top;
  const perArea = 1 / ((x1 - x0) * (y1 - y0));
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(height, y1); y++) {
    const tall = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(width, x1); x++) {
      weights[y * stride + x]! += (Math.min(x + 1, x1) - Math.max(x, x0)) * tall * perArea;
    }
  }
}

/** Rounds the weights to whole units, carrying each remainder on so that their sum is right, and returns it. */
function quantise(weights: Float64Array, parts: number, record: DataView, offset: number): number {
  const unit = 2 ** WEIGHT_BITS / parts;
  let carry = 0;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const exact = weights[i]! * unit + carry;
    const whole = Math.round(exact);
    carry = exact - whole;
    record.setInt16(offset + 2 * i, whole, true);
    sum += whole;
  }
  return sum;
}
