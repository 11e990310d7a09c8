import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { buildStep, type StepGraph } from "../../graph/index.ts";
import { initialTensors } from "../../learning/optimization/checkpoint-tensors.ts";
import { median } from "../../math/median.ts";
import type { Contestant } from "./contest.ts";
import { startOurs, startTwin, type Workload, writeTensors } from "./duel.ts";
import { TRAINING } from "./networks/index.ts";
import type { BenchOptions } from "./suite.ts";

const SEED = 3;
const STEPS = 300;
const PICTURES = 500;

/** How far two loss curves lie apart. */
export interface CurveComparison {
  readonly steps: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Over all steps, relative to the baseline's loss at that step. */
  readonly medianDifference: number;
  readonly maxDifference: number;
  /** The largest difference of means over ten steps: rounding grows from step to step, and single batches feel it most. */
  readonly maxSmoothedDifference: number;
}

/** Parameters and their target copies: what the twin needs to start from the same place. */
export function startWeights(step: StepGraph, seed: number): Map<string, Tensor> {
  const kept = ({ role }: StepGraph["state"][number]) => role === "parameter" || role === "target";
  const others = new Set(step.state.filter((entry) => !kept(entry)).map(({ name }) => name));
  return new Map([...initialTensors(step, seed)].filter(([name]) => !others.has(name)));
}

/** Trains the VAE on both sides from the same start over the same pictures; they work at once, since time does not matter. */
export async function compareCurves(log: BenchOptions["log"]): Promise<CurveComparison> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  try {
    return await compareIn(folder, log);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareIn(folder: string, log: BenchOptions["log"]): Promise<CurveComparison> {
  const { definition, ...rest } = TRAINING["conv-vae"]!;
  const step = buildStep(definition);
  const noises = makeTensor("float32", [STEPS, ...step.noise[0]!.shape]);
  new Rng(SEED).fillNormal(noises.data);
  const pictures = new Map<string, Tensor>([
    ["images", shapesOnGround(PICTURES)],
    ["noises", noises],
  ]);
  const workload: Workload = {
    kind: "train",
    name: "conv-vae",
    ...rest,
    weights: await writeTensors(join(folder, "curve.weights"), startWeights(step, SEED)),
    batch: await writeTensors(join(folder, "curve.batch"), pictures),
  };
  const sides: { readonly contestant: Contestant }[] = [await startOurs(workload, 1)];
  try {
    sides.push(await startTwin(workload, 1));
    const command = { do: "curve", count: STEPS } as const;
    const [ours, theirs] = await Promise.all(
      sides.map(async ({ contestant }) => (await contestant.ask<{ losses: number[] }>(command)).losses),
    );
    const differences = relativeDifferences(ours!, theirs!);
    const comparison = {
      steps: STEPS,
      firstLoss: ours![0]!,
      lastLoss: ours!.at(-1)!,
      medianDifference: median(differences),
      maxDifference: Math.max(...differences),
      maxSmoothedDifference: Math.max(...relativeDifferences(smoothed(ours!), smoothed(theirs!))),
    };
    const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
    const { firstLoss, lastLoss, medianDifference, maxDifference, maxSmoothedDifference } = comparison;
    log(
      `VAE loss over ${STEPS} steps: ${firstLoss.toFixed(1)} to ${lastLoss.toFixed(1)}; apart from PyTorch's by ${percent(medianDifference)} in the median, at most ${percent(maxSmoothedDifference)} over ten steps and ${percent(maxDifference)} at one.`,
    );
    return comparison;
  } finally {
    for (const { contestant } of sides) await contestant.close();
  }
}

function relativeDifferences(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((loss, i) => Math.abs(loss - theirs[i]!) / Math.abs(theirs[i]!));
}

/** Each value with the nine before it. */
function smoothed(values: readonly number[]): number[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i - 9), i + 1);
    return window.reduce((sum, value) => sum + value) / window.length;
  });
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
