import type { PixelEncoding } from "../../core/camera.ts";
import { pixelFormat, redSite, sourceBytesPerPixel } from "../pixel-format.ts";
import { allocateMemory, compileKernel, type Kernel, type KernelMemory, PAGE_BYTES } from "./assembler.ts";
import { DEMOSAIC_OVERRUN_BYTES, demosaicKernel } from "./demosaic.ts";
import type { Geometry } from "./footprints.ts";
import { type ColorOrder, resampleKernel } from "./resample.ts";
import { buildTapTable } from "./tap-table.ts";

/** Loads are wider than what they need, and the last store writes one byte too many. */
const SLACK_BYTES = 32;

/** The kernels for the even and the odd rows of a mosaic. */
type DemosaicRows = readonly [even: Kernel, odd: Kernel];

/**
 * One geometry and encoding, ready to run: the kernels, their table and their memory.
 *
 * Memory: table | output | a mosaic's rgba8 | source as it came.
 * Timing: `run` allocates nothing, unless a frame has longer rows than any before.
 */
export class Resampler {
  readonly #geometry: Geometry;
  readonly #memory: KernelMemory;
  readonly #kernel: Kernel;
  readonly #windowRows: number;
  readonly #demosaicRows: DemosaicRows | undefined;
  readonly #outputOffset: number;
  readonly #rgbaOffset: number;
  readonly #sourceOffset: number;
  #bytes: Uint8Array;
  #output: Uint8Array;

  constructor(encoding: PixelEncoding, geometry: Geometry, order: ColorOrder) {
    const format = pixelFormat(encoding);
    const { window, bytes: table } = buildTapTable(geometry, format);
    const { width, height } = geometry.source;
    const red = redSite(encoding);
    const rgbaBytes = red ? 4 * width * (height + window.rows) + DEMOSAIC_OVERRUN_BYTES : 0;
    this.#geometry = geometry;
    this.#windowRows = window.rows;
    this.#outputOffset = table.length;
    this.#rgbaOffset = this.#outputOffset + outputBytes(geometry) + SLACK_BYTES;
    this.#sourceOffset = this.#rgbaOffset + rgbaBytes;
    this.#memory = allocateMemory(this.#sourceOffset + this.#sourceBytes(width * sourceBytesPerPixel(encoding), 0));
    this.#kernel = compileKernel(resampleKernel(format, window, order), this.#memory);
    this.#demosaicRows = red && compileDemosaic(red, this.#memory);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#bytes.set(table);
    this.#output = this.#bytes.subarray(this.#outputOffset, this.#outputOffset + outputBytes(geometry));
  }

  /** Shapes: data as many rows of `stride` bytes as the source has; out [Y, X, 3]. */
  run(data: Uint8Array, stride: number, out: Uint8Array): void {
    const end = this.#sourceOffset + this.#sourceBytes(stride, data.length);
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(data, this.#sourceOffset);
    const outputEnd = this.#outputOffset + this.#output.length;
    if (this.#demosaicRows === undefined) {
      this.#kernel(this.#sourceOffset, stride, 0, this.#outputOffset, outputEnd);
    } else {
      this.#demosaic(this.#demosaicRows, stride);
      this.#kernel(this.#rgbaOffset, 4 * this.#geometry.source.width, 0, this.#outputOffset, outputEnd);
    }
    out.set(this.#output);
  }

  /** Windows at the lower edge reach behind the image, with weight 0. */
  #sourceBytes(stride: number, dataBytes: number): number {
    return Math.max(stride * this.#geometry.source.height, dataBytes) + stride * this.#windowRows + SLACK_BYTES;
  }

  #grow(bytes: number): void {
    this.#memory.grow(Math.ceil((bytes - this.#bytes.length) / PAGE_BYTES));
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#output = this.#bytes.subarray(this.#outputOffset, this.#outputOffset + outputBytes(this.#geometry));
  }

  /** The outermost rows and columns repeat their neighbours, as in OpenCV. */
  #demosaic(rows: DemosaicRows, stride: number): void {
    const { width, height } = this.#geometry.source;
    for (let y = 0; y < height; y++) {
      const inner = Math.min(Math.max(y, 1), height - 2);
      const row = this.#sourceOffset + inner * stride - 1;
      const out = this.#rgbaOffset + 4 * y * width;
      const end = out + 4 * width;
      rows[(inner & 1) as 0 | 1](row - stride, row, row + stride, out, end);
      this.#bytes.copyWithin(out, out + 4, out + 8);
      this.#bytes.copyWithin(end - 4, end - 8, end - 4);
    }
  }
}

function outputBytes({ output }: Geometry): number {
  return output.width * output.height * 3;
}

function compileDemosaic([column, row]: readonly [0 | 1, 0 | 1], memory: KernelMemory): DemosaicRows {
  const red = compileKernel(demosaicKernel("red", column), memory);
  const blue = compileKernel(demosaicKernel("blue", column === 0 ? 1 : 0), memory);
  return row === 0 ? [red, blue] : [blue, red];
}
