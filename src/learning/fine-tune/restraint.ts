import type { DType, Shape } from "../../core/tensor.ts";
import {
  add,
  addAll,
  type Graph,
  type MinimizeOptions,
  mul,
  type NoiseKind,
  type Parameters,
  type Step,
  type StepDefinition,
  type Sym,
  square,
  stopGradient,
  sub,
  sum,
  type TargetOptions,
} from "../../graph/index.ts";
import type { Weights } from "../optimization/step-runner.ts";

export interface Restraint {
  /** Weights that the run began with, by parameter name; what is not among them is let go. */
  readonly anchor: Weights;
  /** Factor on the squared distance from them; 0 lets them go. */
  readonly strength: number;
  isFrozen(parameter: string): boolean;
}

/**
 * The same update, kept near the weights that a run began with: some stay exactly as they are, the others are drawn back.
 *
 * Source: L2-SP of Li et al. 2018, arXiv:1802.01483, eq. 2. Differs: new layers pay nothing.
 */
export function restrain(definition: StepDefinition, restraint: Restraint): StepDefinition {
  return { name: definition.name, define: (step) => definition.define(new RestrainedStep(step, restraint)) };
}

interface UsedParameter {
  readonly parameter: Sym;
  readonly group: string;
}

/** A step whose parameters are held: no gradient reaches the frozen ones, and every minimisation pays for the distance of its own. */
class RestrainedStep implements Step {
  readonly parameters: Parameters;
  readonly #step: Step;
  readonly #restraint: Restraint;
  readonly #used = new Map<string, UsedParameter>();

  constructor(step: Step, restraint: Restraint) {
    this.#step = step;
    this.#restraint = restraint;
    this.parameters = this.#hold(step.parameters);
  }

  get graph(): Graph {
    return this.#step.graph;
  }

  field(name: string, shape: Shape, dtype?: DType): Sym {
    return this.#step.field(name, shape, dtype);
  }

  noise(name: string, shape: Shape, kind?: NoiseKind): Sym {
    return this.#step.noise(name, shape, kind);
  }

  carried(name: string, shape: Shape, initial?: number): Sym {
    return this.#step.carried(name, shape, initial);
  }

  carry(name: string, next: Sym): void {
    this.#step.carry(name, next);
  }

  minimize(name: string, loss: Sym, options: MinimizeOptions): Parameters {
    const penalty = this.#penaltyOf(options);
    return this.#hold(this.#step.minimize(name, penalty ? add(loss, penalty) : loss, options));
  }

  trackTargets(options: TargetOptions): void {
    this.#step.trackTargets(options);
  }

  metric(name: string, value: Sym): void {
    this.#step.metric(name, value);
  }

  #hold(parameters: Parameters): Parameters {
    return parameters.map((parameter, { name, group }) => {
      if (this.#restraint.isFrozen(name)) return stopGradient(parameter);
      this.#used.set(name, { parameter, group });
      return parameter;
    });
  }

  #penaltyOf({ groups }: MinimizeOptions): Sym | undefined {
    const { anchor, strength } = this.#restraint;
    const distances = [...this.#used].flatMap(([name, { parameter, group }]) => {
      const begun = anchor.get(name);
      if (strength === 0 || begun === undefined || !(group in groups)) return [];
      const constant = this.graph.constant(begun, parameter.shape, "float32", `anchor/${name}`);
      return [sum(square(sub(parameter, constant)))];
    });
    return distances.length > 0 ? mul(addAll(distances), strength) : undefined;
  }
}
