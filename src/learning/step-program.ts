import type { TensorSpec } from "../core/tensor.ts";
import type { BatchSpec } from "./batches.ts";

/** A tensor that every step replaces: input `name`, new value in output `next`. */
export interface StateSpec extends TensorSpec {
  readonly next: string;
}

/** One training step, or K of them in a Loop, as the runtime sees it. */
export interface StepProgram {
  readonly name: string;
  readonly onnx: Uint8Array;
  readonly state: readonly StateSpec[];
  /** Inputs of one step; when `stepsPerRun` is above one, the graph takes so many stacked along a new first axis. */
  readonly batch: readonly BatchSpec[];
  /** Scalar outputs, one value per step. */
  readonly metrics: readonly string[];
  readonly stepsPerRun: number;
}
