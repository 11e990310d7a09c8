import { Rng } from "../../core/rng.ts";
import { allocateData, BYTES_PER_ELEMENT, elementCount, type TensorData, type TensorSpec } from "../../core/tensor.ts";
import type { NoiseKind, StepGraph } from "../../graph/index.ts";

/** The inputs of one optimiser step, by name, in the sizes that the step graph asks for. */
export type BatchArrays = Readonly<Record<string, TensorData>>;

/**
 * Where batches come from. Batch `index` must depend on nothing but `index`, `rng` and data that does not change:
 * prefetching and an exact resume rest on it.
 */
export interface BatchSource {
  fill(arrays: BatchArrays, rng: Rng, index: number): void | Promise<void>;
  close?(): void;
}

/** One input of a step graph that changes every step: data from the source, or noise that the runtime draws itself. */
export interface BatchSpec extends TensorSpec {
  readonly noise?: NoiseKind;
}

/** What a step asks its batches for: its fields, then its noise. */
export function batchSpecs({ fields, noise }: Pick<StepGraph, "fields" | "noise">): BatchSpec[] {
  return [...fields, ...noise.map(({ kind, ...spec }) => ({ ...spec, noise: kind }))];
}

/** Batches in order. What `next` hands out is valid until the following call. */
export interface BatchStream {
  /** Shapes: each array as its spec, stacked `stepsPerRun` times when that is above one. */
  next(): Promise<BatchArrays>;
  close(): Promise<void>;
}

export interface BatchPlan {
  readonly specs: readonly BatchSpec[];
  /** Optimiser steps per run of the graph: so many batches are stacked into one set of arrays. */
  readonly stepsPerRun: number;
  readonly seed: number;
  /** Index of the first batch: the step a resumed run continues at. */
  readonly firstIndex: number;
}

/** Each batch has its own generator, so that it is the same whoever fills it and wherever a run started. */
export function batchRng(seed: number, index: number): Rng {
  return new Rng(seed ^ Math.imul(index + 1, 0x9e3779b1)); // odd factor: different indices, different seeds
}

/** One buffer per input, without views on it yet, so that threads can pass it on. */
export function allocateBuffers({ specs, stepsPerRun }: BatchPlan): ArrayBuffer[] {
  return specs.map(({ shape, dtype }) => new ArrayBuffer(stepsPerRun * elementCount(shape) * BYTES_PER_ELEMENT[dtype]));
}

/** The arrays over such buffers: all steps, or only step `k` of them. */
export function borrowArrays(
  { specs, stepsPerRun }: BatchPlan,
  buffers: readonly ArrayBuffer[],
  k?: number,
): BatchArrays {
  return Object.fromEntries(
    specs.map(({ name, shape, dtype }, i) => {
      const count = elementCount(shape);
      const offset = k === undefined ? 0 : k * count * BYTES_PER_ELEMENT[dtype];
      return [name, allocateData(dtype, k === undefined ? stepsPerRun * count : count, buffers[i]!, offset)];
    }),
  );
}

/** Fills the batches `index` … `index + stepsPerRun - 1`: noise first, then the source, each from the batch's own generator. */
export async function fillBuffers(
  plan: BatchPlan,
  source: BatchSource,
  buffers: readonly ArrayBuffer[],
  index: number,
): Promise<void> {
  for (let k = 0; k < plan.stepsPerRun; k++) {
    const rng = batchRng(plan.seed, index + k);
    const arrays = borrowArrays(plan, buffers, k);
    for (const { name, noise } of plan.specs) {
      if (noise === "normal") rng.fillNormal(arrays[name] as Float32Array);
      if (noise === "uniform") rng.fillUniform(arrays[name] as Float32Array);
    }
    await source.fill(arrays, rng, index + k);
  }
}

/** Fills every batch on the calling thread when it is asked for: right for tests and for data made in a few microseconds. */
export function inlineBatches(source: BatchSource, plan: BatchPlan): BatchStream {
  const buffers = allocateBuffers(plan);
  const arrays = borrowArrays(plan, buffers);
  let index = plan.firstIndex;
  return {
    async next() {
      await fillBuffers(plan, source, buffers, index);
      index += plan.stepsPerRun;
      return arrays;
    },
    async close() {
      source.close?.();
    },
  };
}
