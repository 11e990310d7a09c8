import type { Rng } from "../../core/rng.ts";
import { ReplayIndex } from "../../replay/replay-index.ts";
import { type SamplerOptions, SequenceSampler } from "../../replay/sequence-sampler.ts";
import type { BatchArrays, BatchSource } from "../optimization/batches.ts";

export interface ReplayBatchOptions extends SamplerOptions {
  /** A bag, or a folder of bags. */
  readonly replay: string;
  /**
   * Batches between two looks for episodes that ended since, for training beside a recorder: which batch sees them first
   * depends on time. Default: never, so that a run can be repeated.
   */
  readonly refreshEvery?: number;
}

/** Batches of sequences from recorded bags, for `prefetchBatches` or `inlineBatches`. */
export async function createBatchSource(options: ReplayBatchOptions): Promise<BatchSource> {
  const index = await ReplayIndex.open(options.replay);
  const sampler = new SequenceSampler(index, options);
  return {
    async fill(arrays: BatchArrays, rng: Rng, batch: number) {
      if (options.refreshEvery !== undefined && batch % options.refreshEvery === 0) await sampler.refresh();
      await sampler.fill(arrays, rng);
    },
    close() {
      void sampler.close().then(() => index.close());
    },
  };
}
