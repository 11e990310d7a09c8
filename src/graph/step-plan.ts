import { LatentloopError } from "../core/errors.ts";
import type { DType, Shape, TensorSpec } from "../core/tensor.ts";
import { Graph, type NoiseKind } from "./graph.ts";
import type { Schedule } from "./optimizers/schedule.ts";
import { toSchedule } from "./optimizers/schedule.ts";
import { InputParameters, type ParameterSpec, Parameters } from "./parameters.ts";
import type { MinimizeOptions, Step, StepDefinition } from "./step-definition.ts";
import { layOutSlots, type Slot, type StateTensor, slotState } from "./step-state.ts";
import type { Sym } from "./sym.ts";

/** What a step needs, found by building its losses once without any update. */
export interface StepPlan {
  /** The losses and metrics alone, with parameters as inputs by name. */
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
  readonly slots: readonly Slot[];
  readonly state: readonly StateTensor[];
  readonly fields: readonly TensorSpec[];
  readonly noise: readonly (TensorSpec & { readonly kind: NoiseKind })[];
  readonly learningRates: readonly { readonly group: string; readonly at: Schedule }[];
  readonly metrics: ReadonlyMap<string, Sym>;
  /** Target copies that the losses read. */
  readonly targets: ReadonlySet<string>;
}

/**
 * @throws ERR_INVALID_ARGUMENT if a parameter group is trained by no optimiser or by two, or if targets are read but never tracked
 */
export function planStep(definition: StepDefinition): StepPlan {
  const step = new PlanningStep(definition.name);
  definition.define(step);
  return step.plan();
}

/** Names of the scalars that each minimisation keeps. */
export const countName = (name: string): string => `optimizer/${name}/count`;
export const skippedName = (name: string): string => `optimizer/${name}/skipped`;
export const momentName = (name: string, moment: string, slot: string): string => `optimizer/${name}/${moment}/${slot}`;
export const TARGET_COUNT = "target-count";

class PlanningStep implements Step {
  readonly graph: Graph;
  readonly parameters: Parameters;
  readonly #source: InputParameters;
  readonly #fields: TensorSpec[] = [];
  readonly #noise: (TensorSpec & { readonly kind: NoiseKind })[] = [];
  readonly #carried: StateTensor[] = [];
  readonly #metrics = new Map<string, Sym>();
  readonly #minimizations = new Map<string, MinimizeOptions>();
  #tracked = false;

  constructor(name: string) {
    this.graph = new Graph(name);
    this.#source = new InputParameters(this.graph);
    this.parameters = new Parameters(this.#source);
  }

  field(name: string, shape: Shape, dtype: DType = "float32"): Sym {
    this.#fields.push({ name, shape, dtype });
    return this.graph.input(name, shape, dtype);
  }

  noise(name: string, shape: Shape, kind: NoiseKind = "normal"): Sym {
    this.#noise.push({ name, shape, dtype: "float32", kind });
    return this.graph.noiseInput(name, shape, kind);
  }

  carried(name: string, shape: Shape, initial = 0): Sym {
    this.#carried.push({ name, shape, role: "carried", parts: [], initial });
    return this.graph.input(name, shape);
  }

  carry(): void {}

  minimize(name: string, _loss: Sym, options: MinimizeOptions): Parameters {
    if (this.#minimizations.has(name))
      throw invalid(`Expected minimisations of different names but "${name}" came twice.`);
    this.#minimizations.set(name, options);
    return this.parameters;
  }

  trackTargets(): void {
    this.#tracked = true;
  }

  metric(name: string, value: Sym): void {
    this.#metrics.set(name, value);
  }

  plan(): StepPlan {
    const parameters = [...this.#source.specs.values()];
    const targets = this.#source.targets;
    if (targets.size > 0 && !this.#tracked)
      throw invalid("Expected trackTargets in a step that reads target parameters.");
    this.#requireOneOptimizerPerGroup(parameters);
    const slots = layOutSlots(parameters, {
      targets,
      unpacked: this.#groupsWhere(({ groups, clip }, group) => (groups[group]!.clip ?? clip)?.kind === "adaptive"),
      decaying: this.#groupsWhere(({ optimizer }) => optimizer.weightDecay),
    });
    const { graph } = this;
    return {
      graph,
      parameters,
      slots,
      state: [
        ...slots.map((slot) => slotState(slot, "parameter")),
        ...slots.filter((slot) => slot.tracked).map((slot) => slotState(slot, "target")),
        ...[...this.#minimizations].flatMap(([name, options]) => optimizerState(name, options, slots)),
        ...(targets.size > 0 ? [scalarState(TARGET_COUNT)] : []),
        ...this.#carried,
      ],
      fields: this.#fields,
      noise: this.#noise,
      learningRates: [...this.#minimizations.values()].flatMap(({ groups }) =>
        Object.entries(groups).map(([group, { learningRate }]) => ({ group, at: toSchedule(learningRate) })),
      ),
      metrics: this.#metrics,
      targets,
    };
  }

  #requireOneOptimizerPerGroup(parameters: readonly ParameterSpec[]): void {
    const declared = new Set(parameters.map((spec) => spec.group));
    const trained = [...this.#minimizations.values()].flatMap(({ groups }) => Object.keys(groups));
    for (const group of new Set([...declared, ...trained])) {
      const times = trained.filter((name) => name === group).length;
      if (times !== 1) throw invalid(`Expected one optimiser for parameter group "${group}" but there are ${times}.`);
      if (!declared.has(group)) throw invalid(`Expected parameters in group "${group}" but it has none.`);
    }
  }

  #groupsWhere(holds: (options: MinimizeOptions, group: string) => boolean): Set<string> {
    const all = [...this.#minimizations.values()];
    return new Set(all.flatMap((options) => Object.keys(options.groups).filter((group) => holds(options, group))));
  }
}

function optimizerState(name: string, { groups, optimizer }: MinimizeOptions, slots: readonly Slot[]): StateTensor[] {
  const trained = slots.filter((slot) => slot.group in groups);
  const moments = optimizer.moments.flatMap((moment) =>
    trained.map(
      ({ name: slot, shape }): StateTensor => ({
        name: momentName(name, moment, slot),
        shape,
        role: "optimizer",
        parts: [],
        initial: 0,
      }),
    ),
  );
  return [...moments, scalarState(countName(name)), scalarState(skippedName(name))];
}

function scalarState(name: string): StateTensor {
  return { name, shape: [], role: "optimizer", parts: [], initial: 0 };
}

function invalid(message: string): LatentloopError {
  return new LatentloopError("ERR_INVALID_ARGUMENT", message);
}
