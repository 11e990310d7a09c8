import type { Sym } from "../graph/index.ts";

/**
 * A world model as a planner sees it: symbolic functions that append to the graph of their operands.
 *
 * Rewards, values and uncertainties are asked for all steps and candidates at once, so that each is one large product.
 * Shapes: latent, next [N, L]; action [N, A] in [-1, 1]; results [N, 1] unless said otherwise
 */
export interface PlannableModel {
  readonly latentSize: number;
  readonly actionSize: number;
  /** How many standard normals per row each function draws; it gets them as `noise` [N, size], or undefined for 0. */
  readonly noiseSizes: NoiseSizes;

  /** The latent one step later. Shapes: → [N, L] */
  next(latent: Sym, action: Sym, noise: Sym | undefined): Sym;
  reward(latent: Sym, action: Sym, next: Sym): Sym;
  /** Expected return from the last latent on. */
  value?(latent: Sym, noise: Sym | undefined): Sym;
  /** An action of the policy prior. Shapes: → [N, A] */
  policy?(latent: Sym, noise: Sym | undefined): Sym;
  /** Probability that the episode goes on after reaching `next`. */
  continuation?(next: Sym): Sym;
  /** How little the model knows about this step, such as the disagreement of an ensemble; not negative. */
  uncertainty?(latent: Sym, action: Sym, next: Sym): Sym;
}

export interface NoiseSizes {
  readonly next: number;
  readonly value: number;
  readonly policy: number;
}

export const NO_NOISE: NoiseSizes = { next: 0, value: 0, policy: 0 };
