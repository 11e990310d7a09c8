import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { allocateData, elementCount, type Tensor, type TensorSpec } from "../../core/tensor.ts";
import { buildStep, type StepGraph } from "../../graph/index.ts";
import { type DuelResult, type Workload, writeTensors } from "./duel.ts";
import { type DuelsResult, holdDuels } from "./duels.ts";
import { type CurveComparison, compareCurves, startWeights } from "./loss-curve.ts";
import { TRAINING } from "./networks/index.ts";
import type { BenchOptions } from "./suite.ts";

const SEED = 3;

export interface TrainBenchResult extends DuelsResult {
  readonly suite: "train";
  readonly vaeCurve: CurveComparison | null;
}

/** Training steps of four networks, on the same weights, batch and threads on both sides. */
export async function benchTrain(options: BenchOptions): Promise<TrainBenchResult> {
  const duels = await holdDuels(options, { workloads: trainingWorkloads, describe });
  return { suite: "train", ...duels, vaeCurve: duels.baseline === null ? null : await compareCurves(options.log) };
}

/** As files that both sides read. */
export async function* trainingWorkloads(folder: string): AsyncGenerator<Workload> {
  for (const [name, { title, twin, definition, goal }] of Object.entries(TRAINING)) {
    const step = buildStep(definition); // one update: files hold one batch, whatever our side makes of it
    const weights = await writeTensors(join(folder, `${name}.weights`), startWeights(step, SEED));
    const batch = await writeTensors(join(folder, `${name}.batch`), randomBatch(step));
    yield { kind: "train", name, title, twin, goal, weights, batch };
  }
}

function describe({ perSecond, buildMs, sessionMs }: DuelResult): string {
  const load = `graph ${buildMs.toFixed(0)} ms, session ${sessionMs.toFixed(0)} ms`;
  return `${perSecond.toFixed(1)} steps/s (${load})`;
}

function randomBatch({ fields, noise }: StepGraph): Map<string, Tensor> {
  const rng = new Rng(SEED);
  return new Map([...fields, ...noise].map((spec) => [spec.name, randomTensor(spec, rng)]));
}

function randomTensor({ shape, dtype }: TensorSpec, rng: Rng): Tensor {
  const data = allocateData(dtype, elementCount(shape));
  if (data instanceof Float32Array) rng.fillNormal(data);
  else for (let i = 0; i < data.length; i++) data[i] = rng.integer(256);
  return { dtype, shape, data } as Tensor;
}
