import { add, mul, type Parameters, type Sym, square, stopGradient, sub, sum } from "../../graph/index.ts";
import type { Weights } from "../optimization/step-runner.ts";

/** Parameters as a loss is to use them, and what it has to pay for the distance they have moved. */
export interface HeldParameters {
  readonly parameters: Parameters;
  /** Undefined where nothing is paid. Ask once the loss is built: it pays for the parameters that were used. */
  penalty(): Sym | undefined;
}

export interface RestraintOptions {
  /** Weights that the run began with, by parameter name. */
  readonly anchor: Weights;
  /** Factor on the squared distance from them; 0 lets them go. */
  readonly strength: number;
  isFrozen(parameter: string): boolean;
}

/**
 * Keeps a fine-tuning run near the weights it began with: some stay exactly, the others are drawn back.
 *
 * Source: L2-SP of Li et al. 2018, arXiv:1802.01483, eq. 2. Differs: no penalty of its own for new layers, because there are none.
 */
export class Restraint {
  readonly #options: RestraintOptions;

  constructor(options: RestraintOptions) {
    this.#options = options;
  }

  hold(parameters: Parameters): HeldParameters {
    const { anchor, strength, isFrozen } = this.#options;
    const used = new Map<string, Sym>();
    const held = parameters.map((parameter, { name }) => {
      if (isFrozen(name)) return stopGradient(parameter);
      used.set(name, parameter);
      return parameter;
    });
    return {
      parameters: held,
      penalty() {
        if (strength === 0 || used.size === 0) return undefined;
        const distances = [...used].map(([name, parameter]) => {
          const begun = parameter.graph.constant(anchor.get(name)!, parameter.shape, "float32", `anchor/${name}`);
          return sum(square(sub(parameter, begun)));
        });
        return mul(
          distances.reduce((total, distance) => add(total, distance)),
          strength,
        );
      },
    };
  }
}
