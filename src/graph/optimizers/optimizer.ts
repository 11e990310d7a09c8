import type { Sym } from "../sym.ts";

/** Scalars that all tensors of a parameter group share in one update. */
export interface UpdateScalars {
  readonly learningRate: Sym;
  /** Number of this update, from 1. */
  readonly count: Sym;
  /** Factor that clips the gradients. */
  readonly scale: Sym;
  /** 1, or 0 to leave parameters and moments exactly as they are: a gradient was not finite and is given as zero. */
  readonly live: Sym;
}

/** One tensor to update. */
export interface UpdateTensor {
  readonly parameter: Sym;
  readonly gradient: Sym;
  readonly moments: readonly Sym[];
  /** Whether weight decay applies: to matrices and kernels, not to biases and gains. */
  readonly decays: boolean;
}

export interface UpdatedTensor {
  readonly parameter: Sym;
  readonly moments: readonly Sym[];
}

/** An update rule as graph code. */
export interface Optimizer {
  /** What it remembers for every tensor, of the tensor's shape and at first zero. */
  readonly moments: readonly string[];
  /** Whether it shrinks decaying tensors, so that they must be kept apart from the others. */
  readonly weightDecay: boolean;
  /** Prepares what all tensors share, so that each tensor costs few nodes; returns the rule for one tensor. */
  begin(scalars: UpdateScalars): (tensor: UpdateTensor) => UpdatedTensor;
}
