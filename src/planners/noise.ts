import { LatentloopError } from "../core/errors.ts";
import { elementCount, type Shape } from "../core/tensor.ts";
import type { Sym } from "../graph/index.ts";
import { reshape, slice } from "../graph/index.ts";

/** Cuts one flat input of standard normals into the tensors that a search asks for, in the order it asks. */
export class NoiseReader {
  readonly #noise: Sym | undefined;
  #offset = 0;

  /** Shapes: noise [count]; undefined for a search that draws none. */
  constructor(noise: Sym | undefined) {
    this.#noise = noise;
  }

  take(shape: Shape): Sym {
    if (!this.#noise) throw new LatentloopError("ERR_INTERNAL", "A search without a noise input asked for noise.");
    const start = this.#offset;
    this.#offset += elementCount(shape);
    return reshape(slice(this.#noise, 0, start, this.#offset), shape);
  }

  /** As `take`, but nothing for a model function that draws no noise. */
  takeRows(rows: number, size: number): Sym | undefined {
    return size === 0 ? undefined : this.take([rows, size]);
  }
}
