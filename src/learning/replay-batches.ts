import type { Rng } from "../core/rng.ts";
import { ReplayIndex } from "../replay/replay-index.ts";
import { type SamplerOptions, SequenceSampler } from "../replay/sequence-sampler.ts";
import type { BatchArrays, BatchSource } from "./batches.ts";

export interface ReplayBatchOptions extends SamplerOptions {
  /** A bag, or a folder of bags. */
  readonly replay: string;
}

/** Batches of sequences from recorded bags, for `prefetchBatches` or `inlineBatches`. */
export async function createBatchSource(options: ReplayBatchOptions): Promise<BatchSource> {
  const index = await ReplayIndex.open(options.replay);
  const sampler = new SequenceSampler(index, options);
  return {
    async fill(arrays: BatchArrays, rng: Rng) {
      await sampler.fill(arrays, rng);
    },
    close() {
      void sampler.close().then(() => index.close());
    },
  };
}
