import type { DType, Shape } from "../core/tensor.ts";
import type { Graph, NoiseKind } from "./graph.ts";
import type { Clipping } from "./optimizers/clipping.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Schedule } from "./optimizers/schedule.ts";
import type { Parameters } from "./parameters.ts";
import type { Sym } from "./sym.ts";

export interface GroupOptions {
  readonly learningRate: number | Schedule;
  /** Limits this group's gradients by themselves, instead of the clipping of the whole call. */
  readonly clip?: Clipping;
}

export interface MinimizeOptions {
  /** The parameter groups to train, by name. */
  readonly groups: Readonly<Record<string, GroupOptions>>;
  readonly optimizer: Optimizer;
  /** Limits the gradients of all groups together. */
  readonly clip?: Clipping;
}

export interface TargetOptions {
  /** Share of the trained value that a target copy takes on; 1 copies. */
  readonly tau: number;
  /** Updates between two movements of the targets. */
  readonly every?: number;
}

/**
 * What a learning system describes its update with. The same description is read several times: to learn its parameters, as a
 * training step, as a loop of steps, and without the updates as an evaluation.
 */
export interface Step {
  readonly graph: Graph;
  /** The parameters before this step's updates. */
  readonly parameters: Parameters;
  /** A tensor of the batch; the shape includes the batch. */
  field(name: string, shape: Shape, dtype?: DType): Sym;
  /** Seeded noise, fresh for every update. */
  noise(name: string, shape: Shape, kind?: NoiseKind): Sym;
  /** A value kept from update to update, such as a running scale; it starts filled with `initial`. */
  carried(name: string, shape: Shape, initial?: number): Sym;
  /** What a carried value becomes; it stays as it was when an update of this step is skipped. */
  carry(name: string, next: Sym): void;
  /**
   * Differentiates the loss and updates the groups' parameters, or leaves them and their moments exactly as they are and counts
   * a skipped update when a gradient is not finite. Reports `<name>/gradientNorm` before clipping and `<name>/skipped`.
   * Returns the parameters after the update, for losses that follow it.
   */
  minimize(name: string, loss: Sym, options: MinimizeOptions): Parameters;
  /** Moves the target copies towards the updated parameters; they stay when an update of this step is skipped. */
  trackTargets(options: TargetOptions): void;
  /** A scalar to report. */
  metric(name: string, value: Sym): void;
}

export interface StepDefinition {
  readonly name: string;
  define(step: Step): void;
}
