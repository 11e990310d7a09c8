import type { DType, Shape, TensorSpec } from "../core/tensor.ts";
import { Graph, type NoiseKind } from "./graph.ts";
import { loop } from "./operators/control-flow.ts";
import { at } from "./operators/indexing.ts";
import { reshape } from "./operators/shape.ts";
import { concat } from "./operators/slicing.ts";
import type { Schedule } from "./optimizers/schedule.ts";
import type { ParameterSpec } from "./parameters.ts";
import type { StepDefinition } from "./step-definition.ts";
import { planStep, type StepPlan } from "./step-plan.ts";
import { NEXT_SUFFIX, type StateTensor } from "./step-state.ts";
import type { Sym } from "./sym.ts";
import { type StepInputs, TrainingStep } from "./training-step.ts";

/** A training step as a graph, and everything a runtime needs to run it. */
export interface StepGraph {
  readonly graph: Graph;
  /** Updates per run. Undefined: one. A number: fields, noise, learning rates and metrics get that many rows in front. */
  readonly updates: number | undefined;
  /** Inputs by `name`, outputs by `name` + NEXT_SUFFIX: feed each output back as the next run's input. */
  readonly state: readonly StateTensor[];
  /** Inputs that the caller fills from data before every run; shapes without the rows for several updates. */
  readonly fields: readonly TensorSpec[];
  /** Inputs that the caller fills with seeded noise before every run; shapes likewise. */
  readonly noise: readonly (TensorSpec & { readonly kind: NoiseKind })[];
  /** Columns of the input LEARNING_RATES: the rate of each group as a function of the updates already made. */
  readonly learningRates: readonly { readonly group: string; readonly at: Schedule }[];
  /** Columns of the output METRICS. */
  readonly metrics: readonly string[];
  readonly parameters: readonly ParameterSpec[];
}

export const LEARNING_RATES = "learningRates";
export const METRICS = "metrics";

/**
 * The training step of a definition: losses, gradients, optimisers and target copies in one graph. With `updates`, a Loop
 * that makes so many updates in one run, each on its own row of the batch.
 *
 * Shapes: fields, noise [(updates), ...]; learningRates [(updates), groups]; metrics [(updates), names]
 */
export function buildStep(definition: StepDefinition, updates?: number): StepGraph {
  const plan = planStep(definition);
  const graph = new Graph(definition.name);
  const initial = plan.state.map(({ name, shape }) => graph.input(name, shape));
  const rows = updates === undefined ? [] : [updates];
  const input = (name: string, shape: Shape, dtype: DType, noise?: NoiseKind) =>
    noise ? graph.noiseInput(name, [...rows, ...shape], noise) : graph.input(name, [...rows, ...shape], dtype);
  const learningRates = graph.input(LEARNING_RATES, [...rows, plan.learningRates.length]);
  let names: string[] = [];
  const update = (inner: Graph, state: readonly Sym[], row: (x: Sym) => Sym) => {
    const inputs: StepInputs = {
      graph: inner,
      input: (name, shape, dtype, noise) => row(input(name, shape, dtype, noise)),
      learningRates: row(learningRates),
      state: new Map(plan.state.map(({ name }, i) => [name, state[i]!])),
    };
    const step = new TrainingStep(inputs, plan);
    definition.define(step);
    const next = step.finish();
    names = [...step.metrics.keys()];
    return { next, metrics: metricsVector(step.metrics) };
  };
  if (updates === undefined) {
    const { next, metrics } = update(graph, initial, (x) => x);
    writeOutputs(graph, plan, next, metrics);
  } else {
    const { state, scan } = loop(graph, updates, initial, (iteration, current) => {
      const { next, metrics } = update(iteration.graph, current, (x) => at(x, iteration));
      return { state: next, scan: [metrics] };
    });
    writeOutputs(graph, plan, state, scan[0]!);
  }
  const { state, fields, noise, parameters } = plan;
  return { graph, updates, state, fields, noise, learningRates: plan.learningRates, metrics: names, parameters };
}

/** The losses and metrics of a definition without any update: parameters as inputs by name, output METRICS. */
export interface EvaluationGraph {
  readonly graph: Graph;
  readonly parameters: readonly ParameterSpec[];
  /** Parameters whose target copy is an input too, named with TARGET_PREFIX. */
  readonly targets: ReadonlySet<string>;
  readonly fields: readonly TensorSpec[];
  readonly noise: readonly (TensorSpec & { readonly kind: NoiseKind })[];
  readonly metrics: readonly string[];
}

export function buildEvaluation(definition: StepDefinition): EvaluationGraph {
  const { graph, parameters, targets, fields, noise, metrics } = planStep(definition);
  graph.output(METRICS, metricsVector(metrics));
  return { graph, parameters, targets, fields, noise, metrics: [...metrics.keys()] };
}

function writeOutputs(graph: Graph, plan: StepPlan, next: readonly Sym[], metrics: Sym): void {
  for (const [i, { name }] of plan.state.entries()) graph.output(name + NEXT_SUFFIX, next[i]!);
  graph.output(METRICS, metrics);
}

/** One output for all metrics: each output of its own costs the caller a tensor. */
function metricsVector(metrics: ReadonlyMap<string, Sym>): Sym {
  return concat(
    [...metrics.values()].map((value) => reshape(value, [1])),
    0,
  );
}
