import { LatentloopError } from "../core/errors.ts";
import type { DType, Shape } from "../core/tensor.ts";
import { gradients } from "./gradients.ts";
import type { Graph, NoiseKind } from "./graph.ts";
import { add, div, mul, sub } from "./operators/arithmetic.ts";
import { and, equal, less } from "./operators/comparison.ts";
import { floor } from "./operators/functions.ts";
import { at } from "./operators/indexing.ts";
import { where } from "./operators/selection.ts";
import { cast } from "./operators/shape.ts";
import { type Clipping, clipAdaptively, normOf, normScale } from "./optimizers/clipping.ts";
import { BoundParameters, Parameters, TARGET_PREFIX } from "./parameters.ts";
import { requireShape } from "./shapes.ts";
import type { MinimizeOptions, Step, TargetOptions } from "./step-definition.ts";
import { countName, momentName, type StepPlan, skippedName, TARGET_COUNT } from "./step-plan.ts";
import { type Slot, unpackSlots } from "./step-state.ts";
import type { Sym } from "./sym.ts";

/** Where one update of a step gets its inputs: a graph's inputs, or one row of them inside a loop. */
export interface StepInputs {
  readonly graph: Graph;
  input(name: string, shape: Shape, dtype: DType, noise?: NoiseKind): Sym;
  readonly learningRates: Sym;
  readonly state: ReadonlyMap<string, Sym>;
}

const LARGEST_FLOAT32 = 3.4028234e38;

/** Builds one update: what `define` asks for becomes gradients, optimiser nodes and the next state. */
export class TrainingStep implements Step {
  readonly graph: Graph;
  readonly parameters: Parameters;
  readonly metrics = new Map<string, Sym>();
  readonly #inputs: StepInputs;
  readonly #plan: StepPlan;
  readonly #next: Map<string, Sym>;
  readonly #bound = new Map<string, Sym>();
  readonly #carries = new Map<string, Sym>();
  /** Whether every update so far was finite. */
  #finite: Sym | undefined;

  constructor(inputs: StepInputs, plan: StepPlan) {
    this.#inputs = inputs;
    this.#plan = plan;
    this.#next = new Map(inputs.state);
    this.graph = inputs.graph;
    this.#bind(plan.slots, this.#bound);
    const tracked = plan.slots.filter((slot) => slot.tracked);
    const targets = tracked.map((slot) => this.#state(TARGET_PREFIX + slot.name));
    for (const [name, sym] of unpackSlots(tracked, targets, TARGET_PREFIX)) this.#bound.set(name, sym);
    this.parameters = new Parameters(new BoundParameters(this.graph, this.#bound));
  }

  field(name: string, shape: Shape, dtype: DType = "float32"): Sym {
    return this.#inputs.input(name, shape, dtype);
  }

  noise(name: string, shape: Shape, kind: NoiseKind = "normal"): Sym {
    return this.#inputs.input(name, shape, "float32", kind);
  }

  carried(name: string): Sym {
    return this.#state(name);
  }

  carry(name: string, next: Sym): void {
    const current = this.#inputs.state.get(name);
    if (!current)
      throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected carried("${name}") before carry("${name}").`);
    requireShape(`carry("${name}")`, next, current.shape);
    this.#carries.set(name, next);
  }

  metric(name: string, value: Sym): void {
    this.metrics.set(name, value);
  }

  minimize(name: string, loss: Sym, options: MinimizeOptions): Parameters {
    const slots = this.#plan.slots.filter((slot) => slot.group in options.groups);
    const raw = gradients(
      loss,
      slots.map((slot) => this.#state(slot.name)),
    );
    return this.#apart(`optimizer/${name}`, () => {
      const norm = normOf(raw);
      const finite = less(norm, LARGEST_FLOAT32); // false for NaN too
      const live = cast(finite, "float32");
      const clean = new Map(slots.map((slot, i) => [slot, where(finite, raw[i]!, 0)]));
      for (const [group, { clip }] of Object.entries(options.groups)) {
        const members = slots.filter((slot) => slot.group === group);
        const ownNorm = clip ? normOf(members.map((slot) => raw[slots.indexOf(slot)]!)) : norm;
        const scale = this.#scale(clip ?? options.clip, ownNorm, finite);
        this.#update(name, group, members, clean, { options, live, scale });
      }
      this.#next.set(countName(name), add(this.#state(countName(name)), live));
      this.#next.set(skippedName(name), add(this.#state(skippedName(name)), sub(1, live)));
      this.metric(`${name}/gradientNorm`, norm);
      this.metric(`${name}/skipped`, this.#next.get(skippedName(name))!);
      this.#finite = this.#finite ? and(this.#finite, finite) : finite;
      const updated = new Map(this.#bound);
      this.#bind(slots, updated);
      for (const [key, sym] of updated) this.#bound.set(key, sym);
      return new Parameters(new BoundParameters(this.graph, updated));
    });
  }

  trackTargets({ tau, every = 1 }: TargetOptions): void {
    const tracked = this.#plan.slots.filter((slot) => slot.tracked);
    if (tracked.length === 0) return;
    this.#apart("target", () => {
      const live = this.#finite ? cast(this.#finite, "float32") : this.graph.scalar(1);
      const count = add(this.#state(TARGET_COUNT), live);
      const turns = div(count, every);
      const due = every === 1 ? live : mul(live, cast(equal(turns, floor(turns)), "float32"));
      const share = mul(due, tau);
      for (const slot of tracked) {
        const name = TARGET_PREFIX + slot.name;
        const target = this.#state(name);
        this.#next.set(name, add(target, mul(sub(this.#next.get(slot.name)!, target), share)));
      }
      this.#next.set(TARGET_COUNT, count);
    });
  }

  /** The state after this update, in the plan's order. */
  finish(): Sym[] {
    for (const [name, next] of this.#carries) {
      this.#next.set(name, this.#finite ? where(this.#finite, next, this.#state(name)) : next);
    }
    return this.#plan.state.map(({ name }) => this.#next.get(name)!);
  }

  #update(
    name: string,
    group: string,
    slots: readonly Slot[],
    gradientOf: ReadonlyMap<Slot, Sym>,
    { options, live, scale }: { options: MinimizeOptions; live: Sym; scale: Sym },
  ): void {
    const { optimizer, groups, clip } = options;
    const column = this.#plan.learningRates.findIndex((rate) => rate.group === group);
    const learningRate = at(this.#inputs.learningRates, column);
    const count = add(this.#state(countName(name)), 1);
    const update = optimizer.begin({ learningRate, count, scale, live });
    const limit = groups[group]!.clip ?? clip;
    for (const slot of slots) {
      const parameter = this.#state(slot.name);
      const clean = gradientOf.get(slot)!;
      const gradient =
        limit?.kind === "adaptive" ? clipAdaptively(clean, parameter, limit.share, limit.minNorm) : clean;
      const names = optimizer.moments.map((moment) => momentName(name, moment, slot.name));
      const next = update({ parameter, gradient, moments: names.map((key) => this.#state(key)), decays: slot.decays });
      this.#next.set(slot.name, next.parameter);
      for (const [i, moment] of next.moments.entries()) this.#next.set(names[i]!, moment);
    }
  }

  #scale(clip: Clipping | undefined, norm: Sym, finite: Sym): Sym {
    return clip?.kind === "globalNorm" ? where(finite, normScale(norm, clip.maxNorm), 0) : this.graph.scalar(1);
  }

  #state(name: string): Sym {
    return this.#inputs.state.get(name)!;
  }

  /** Names the parameters inside the slots' newest values. */
  #bind(slots: readonly Slot[], into: Map<string, Sym>): void {
    const values = slots.map((slot) => this.#next.get(slot.name)!);
    for (const [name, sym] of unpackSlots(slots, values)) into.set(name, sym);
  }

  /** Builds outside of the layer scopes and of later gradients. */
  #apart<T>(scope: string, build: () => T): T {
    return this.graph.withScopePath(scope, () => this.graph.withoutGradient(build));
  }
}
