import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { allocateData, elementCount, makeTensor, type Tensor, type TensorSpec } from "../../core/tensor.ts";
import { buildStep, type StepGraph } from "../../graph/index.ts";
import { initialTensors } from "../../learning/checkpoint-tensors.ts";
import { formatTable } from "../output.ts";
import { median } from "./contest.ts";
import {
  type DuelResult,
  duel,
  machine,
  RESULT_HEADING,
  resultRow,
  startOurs,
  startTwin,
  type Workload,
  writeTensors,
} from "./duel.ts";
import type { BenchOptions } from "./index.ts";
import { TRAINING } from "./networks/index.ts";
import { findTorch } from "./torch.ts";

const DEFAULT_SECONDS = 10;
const THREADS = [1, 2];
const SEED = 3;
const CURVE_STEPS = 300;
const CURVE_IMAGES = 500;

/** How far two loss curves lie apart. */
export interface CurveComparison {
  readonly steps: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Over all steps, relative to the baseline's loss at that step. */
  readonly medianDifference: number;
  readonly maxDifference: number;
}

export interface TrainBenchResult {
  readonly suite: "train";
  readonly machine: object;
  readonly baseline: string | null;
  readonly results: readonly DuelResult[];
  readonly vaeCurve: CurveComparison | null;
}

/** Training steps of four networks, with eager PyTorch on the same weights, batch and threads beside them if it is installed. */
export async function benchTrain({ seconds = DEFAULT_SECONDS, log }: BenchOptions): Promise<TrainBenchResult> {
  const torch = findTorch();
  log(torch ? `Baseline: eager PyTorch ${torch}.` : "PyTorch is not installed: our figures stand alone.");
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  try {
    const results: DuelResult[] = [];
    for (const [name, { title, twin, definition, goal }] of Object.entries(TRAINING)) {
      const step = buildStep(definition);
      const weights = await writeTensors(join(folder, `${name}.weights`), weightsOf(step));
      const batch = await writeTensors(join(folder, `${name}.batch`), randomBatch(step));
      for (const threads of THREADS) {
        const result = await duel({ kind: "train", name, title, twin, goal, weights, batch }, threads, seconds);
        log(describe(title, result));
        results.push(result);
      }
    }
    log(formatTable([RESULT_HEADING, ...results.map(resultRow)]));
    const vaeCurve = torch ? await compareCurves(folder, log) : null;
    return { suite: "train", machine: machine(), baseline: torch ? `PyTorch ${torch}` : null, results, vaeCurve };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function describe(title: string, { threads, perSecond, buildMs, sessionMs, baseline }: DuelResult): string {
  const ratio = baseline ? `, ${baseline.speedRatio.toFixed(2)} × PyTorch` : "";
  const load = `graph ${buildMs.toFixed(0)} ms, session ${sessionMs.toFixed(0)} ms`;
  return `${title}, ${threads} thread${threads > 1 ? "s" : ""}: ${perSecond.toFixed(1)} steps/s${ratio} (${load})`;
}

/** Parameters and their target copies: what the twin needs to start from the same place. */
function weightsOf(step: StepGraph): Map<string, Tensor> {
  const optimizerState = new Set(step.state.filter(({ role }) => role === "optimizer").map(({ name }) => name));
  return new Map([...initialTensors(step, SEED)].filter(([name]) => !optimizerState.has(name)));
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

/** Trains the VAE on both sides from the same start over the same pictures; they work at once, since time does not matter. */
async function compareCurves(folder: string, log: BenchOptions["log"]): Promise<CurveComparison> {
  const { definition, ...rest } = TRAINING["conv-vae"]!;
  const step = buildStep(definition);
  const noises = makeTensor("float32", [CURVE_STEPS, ...step.noise[0]!.shape]);
  new Rng(SEED).fillNormal(noises.data);
  const pictures = new Map<string, Tensor>([
    ["images", shapesOnGround(CURVE_IMAGES)],
    ["noises", noises],
  ]);
  const workload: Workload = {
    kind: "train",
    name: "conv-vae",
    ...rest,
    weights: await writeTensors(join(folder, "curve.weights"), weightsOf(step)),
    batch: await writeTensors(join(folder, "curve.batch"), pictures),
  };
  const sides = [await startOurs(workload, 1), await startTwin(workload, 1)];
  try {
    const command = { do: "curve", count: CURVE_STEPS } as const;
    const [ours, theirs] = await Promise.all(
      sides.map(async ({ contestant }) => (await contestant.ask<{ losses: number[] }>(command)).losses),
    );
    const differences = ours!.map((loss, i) => Math.abs(loss - theirs![i]!) / Math.abs(theirs![i]!));
    const comparison = {
      steps: CURVE_STEPS,
      firstLoss: ours![0]!,
      lastLoss: ours!.at(-1)!,
      medianDifference: median(differences),
      maxDifference: Math.max(...differences),
    };
    const percent = (value: number) => `${(100 * value).toFixed(3)} %`;
    log(
      `VAE loss over ${CURVE_STEPS} steps: ${comparison.firstLoss.toFixed(1)} to ${comparison.lastLoss.toFixed(2)}, apart from PyTorch's by ${percent(comparison.medianDifference)} (median), ${percent(comparison.maxDifference)} (largest)`,
    );
    return comparison;
  } finally {
    for (const { contestant } of sides) await contestant.close();
  }
}

/** Pictures with something to learn: a square and a disc of random colour, size and place. Shapes: → [count, 64, 64, 3] */
function shapesOnGround(count: number): Tensor<"uint8"> {
  const rng = new Rng(SEED);
  const pictures = makeTensor("uint8", [count, 64, 64, 3]);
  for (let n = 0; n < count; n++) {
    const things = [0, 1].map(() => ({
      x: rng.uniform(8, 56),
      y: rng.uniform(8, 56),
      size: rng.uniform(4, 14),
      color: [rng.integer(256), rng.integer(256), rng.integer(256)],
    }));
    for (let pixel = 0; pixel < 64 * 64; pixel++) {
      const [x, y] = [pixel % 64, Math.floor(pixel / 64)];
      const distances = things.map((thing, i) => {
        const [dx, dy] = [Math.abs(x - thing.x), Math.abs(y - thing.y)];
        return (i === 0 ? Math.max(dx, dy) : Math.hypot(dx, dy)) - thing.size;
      });
      const seen = distances.findIndex((distance) => distance < 0);
      pictures.data.set(seen < 0 ? [40, 60 + y, 90] : things[seen]!.color, 3 * (n * 64 * 64 + pixel));
    }
  }
  return pictures;
}
