import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { allocateData, elementCount, type Tensor, type TensorSpec } from "../../core/tensor.ts";
import { buildStep, type StepGraph } from "../../graph/index.ts";
import { formatTable } from "../output.ts";
import {
  type DuelResult,
  duel,
  inspectMachine,
  type Machine,
  RESULT_HEADING,
  resultRow,
  writeTensors,
} from "./duel.ts";
import { type CurveComparison, compareCurves, startWeights } from "./loss-curve.ts";
import { TRAINING } from "./networks/index.ts";
import type { BenchOptions } from "./suite.ts";
import { findTorch } from "./torch.ts";

const DEFAULT_SECONDS = 10;
const THREADS = [1, 2].filter((threads) => threads <= availableParallelism());
const SEED = 3;

export interface TrainBenchResult {
  readonly suite: "train";
  readonly machine: Machine;
  readonly baseline: string | null;
  readonly results: readonly DuelResult[];
  readonly vaeCurve: CurveComparison | null;
}

/** Training steps of four networks, with eager PyTorch on the same weights, batch and threads beside them if it is installed. */
export async function benchTrain({ seconds = DEFAULT_SECONDS, log }: BenchOptions): Promise<TrainBenchResult> {
  const machine = inspectMachine(log);
  const torch = findTorch();
  log(torch ? `Baseline: eager PyTorch ${torch}.` : "PyTorch is not installed: our figures stand alone.");
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  try {
    const results: DuelResult[] = [];
    for (const [name, { title, twin, definition, goal }] of Object.entries(TRAINING)) {
      const step = buildStep(definition); // one update: files hold one batch, whatever our side makes of it
      const weights = await writeTensors(join(folder, `${name}.weights`), startWeights(step, SEED));
      const batch = await writeTensors(join(folder, `${name}.batch`), randomBatch(step));
      for (const threads of THREADS) {
        const result = await duel({ kind: "train", name, title, twin, goal, weights, batch }, threads, seconds);
        log(describe(title, result));
        results.push(result);
      }
    }
    log(formatTable([RESULT_HEADING, ...results.map(resultRow)]));
    const vaeCurve = torch ? await compareCurves(folder, log) : null;
    return { suite: "train", machine, baseline: torch ? `PyTorch ${torch}` : null, results, vaeCurve };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function describe(title: string, { threads, perSecond, buildMs, sessionMs, baseline }: DuelResult): string {
  const ratio = baseline ? `, ${baseline.speedRatio.toFixed(2)} × PyTorch` : "";
  const load = `graph ${buildMs.toFixed(0)} ms, session ${sessionMs.toFixed(0)} ms`;
  return `${title}, ${threads} thread${threads > 1 ? "s" : ""}: ${perSecond.toFixed(1)} steps/s${ratio} (${load})`;
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
