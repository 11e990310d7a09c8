import assert from "node:assert/strict";
import type { Shape } from "../../../src/core/tensor.ts";
import { buildStep, initialState, type StepDefinition, type StepGraph } from "../../../src/graph/index.ts";
import { TrainingSession } from "../../../src/learning/optimization/training-session.ts";
import { data, weights } from "../graph/fill.ts";

/** Steps and sequences of a batch. */
export const LENGTH = 4;
export const BATCH = 2;

/** The sequence of the second row ends after two steps, and another begins. */
const FLAGS: Readonly<Record<string, readonly number[]>> = {
  is_first: [1, 0, 0, 0, 0, 1, 0, 0],
  is_last: [0, 0, 0, 1, 0, 0, 0, 0],
  is_terminal: [0, 0, 0, 1, 0, 0, 0, 0],
  rewarded: [1, 1, 1, 1, 1, 0, 1, 1],
};

/** Metrics of updates in a row, on weights, data and noise made by formula as in rssm_twin.py. */
export async function runUpdates(definition: StepDefinition, count: number): Promise<Record<string, number>[]> {
  const step = buildStep(definition);
  const session = await TrainingSession.create(step);
  try {
    session.load(startState(step));
    const updates: Record<string, number>[] = [];
    for (let update = 0; update < count; update++) {
      const metrics = await session.run(batchOf(step, update), update);
      updates.push(Object.fromEntries(step.metrics.map((name, i) => [name, metrics[i]!])));
    }
    return updates;
  } finally {
    await session.close();
  }
}

/** Parameters by formula; the slow critic has values of its own. */
function startState(step: StepGraph): Map<string, Float32Array> {
  const fill = (name: string, shape: Shape) => weights(name, shape);
  const values = initialState(step.state, new Map(step.parameters.map(({ name, shape }) => [name, fill(name, shape)])));
  for (const { name, role, parts } of step.state) {
    if (role !== "target") continue;
    for (const part of parts) values.get(name)!.set(fill(`target/${part.name}`, part.shape), part.offset);
  }
  return values;
}

function batchOf(step: StepGraph, update: number): Record<string, Float32Array | Uint8Array> {
  const fields = step.fields.map(({ name, shape, dtype }): [string, Float32Array | Uint8Array] => {
    const flags = FLAGS[name];
    if (flags) return [name, Float32Array.from(flags)];
    const values = data(`${name}/${update}`, shape, dtype);
    if (dtype === "uint8") return [name, Uint8Array.from(values)];
    return [name, name === "action" ? values.map((value) => value / 1.5) : values];
  });
  const noise = step.noise.map(({ name, shape, kind }): [string, Float32Array] => {
    const values = data(`${name}/${update}`, shape);
    return [name, kind === "uniform" ? values.map((value) => (value + 1.5) / 3) : values];
  });
  return Object.fromEntries([...fields, ...noise]);
}

/** @throws AssertionError if a metric is further from its golden value than the tolerance, relative to its size */
export function metricsClose(
  found: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
  tolerance: number,
  what: string,
): void {
  for (const [name, value] of Object.entries(expected)) {
    const error = Math.abs(found[name]! - value) / Math.max(1e-2, Math.abs(value));
    assert.ok(error <= tolerance, `${what}: ${name} is ${found[name]} where PyTorch has ${value}`);
  }
}
