import type { Rng } from "../../core/rng.ts";
import type { BatchArrays, BatchSource } from "../optimization/batches.ts";
import { pickByShare, type Shared, shareAmong } from "./shares.ts";

/** Fills batches row by row from the episodes of one store. */
export interface RowSource extends BatchSource {
  readonly rows: number;
  /** Frames that have to follow each other for a row to be drawn. */
  readonly framesNeeded: number;
  /** Whether the store holds so many. */
  readonly ready: boolean;
  fillRow(arrays: BatchArrays, rng: Rng, row: number): void;
}

/** A source with its part of every batch. */
export interface SharedRows extends Shared {
  readonly source: RowSource;
}

/** Batches whose rows come from several stores by fixed shares; those of stores that are not ready fall to the others. */
export class MixedRows implements BatchSource {
  readonly #shared: readonly SharedRows[];

  constructor(shared: readonly SharedRows[]) {
    this.#shared = shareAmong(shared, ({ source }) => source.ready);
  }

  fill(arrays: BatchArrays, rng: Rng): void {
    const { rows } = this.#shared[0]!.source;
    for (let row = 0; row < rows; row++) pickByShare(this.#shared, rng).source.fillRow(arrays, rng, row);
  }
}
