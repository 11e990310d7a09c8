import type { BatchSource } from "../../../src/learning/optimization/batches.ts";

/** Batch k holds k plus the offset, and a draw of its generator; batch `failAt` throws. */
export function createBatchSource({ offset, failAt = -1 }: { offset: number; failAt?: number }): BatchSource {
  return {
    fill({ image }, rng, index) {
      if (index === failAt) throw new Error(`episode ${index} is damaged`);
      const pixels = image as Uint8Array;
      pixels.fill(offset + index);
      pixels[0] = rng.integer(256);
    },
  };
}
