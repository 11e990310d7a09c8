import { makeTensor, type Tensor } from "../../src/core/tensor.ts";
import {
  abs,
  add,
  at,
  cast,
  Graph,
  gradients,
  less,
  loop,
  mean,
  mul,
  reshape,
  type Sym,
  square,
  sub,
  where,
} from "../../src/graph/index.ts";
import type { BatchArrays, BatchSource } from "../../src/learning/batches.ts";
import type { StepProgram } from "../../src/learning/step-program.ts";

const ROWS = 16;
const STATE = [
  { name: "slope", shape: [2] },
  { name: "momentum", shape: [2] },
  { name: "skipped", shape: [] },
] as const;
const BATCH = [
  { name: "x", shape: [ROWS, 2], dtype: "float32" },
  { name: "y", shape: [ROWS], dtype: "float32" },
  { name: "jitter", shape: [ROWS], dtype: "float32", noise: "normal" },
] as const;

/** Fits a line by gradient descent with momentum: a training step small enough to follow by hand. */
export function lineFitProgram({ stepsPerRun = 1, learningRate = 0.05 } = {}): StepProgram {
  const graph = new Graph("line_fit");
  const state = STATE.map(({ name, shape }) => graph.input(name, shape));
  const stacked = (shape: readonly number[]) => (stepsPerRun > 1 ? [stepsPerRun, ...shape] : shape);
  const batch = BATCH.map(({ name, shape }) => graph.input(name, stacked(shape)));
  const { next, loss } =
    stepsPerRun === 1 ? oneStep(state, batch, learningRate) : steps(graph, stepsPerRun, state, batch, learningRate);
  for (const [i, { name }] of STATE.entries()) graph.output(`${name}:next`, next[i]!);
  graph.output("loss", loss);
  return {
    name: "line_fit",
    onnx: graph.toOnnx(),
    state: STATE.map(({ name, shape }) => ({ name, shape, dtype: "float32", next: `${name}:next` })),
    batch: BATCH,
    metrics: ["loss"],
    stepsPerRun,
  };
}

function oneStep(state: readonly Sym[], batch: readonly Sym[], learningRate: number): { next: Sym[]; loss: Sym } {
  const [slope, momentum, skipped] = state as [Sym, Sym, Sym];
  const [x, y, jitter] = batch as [Sym, Sym, Sym];
  const predicted = add(mul(at(x, 0, 1), at(slope, 0)), mul(at(x, 1, 1), at(slope, 1)));
  const loss = mean(square(sub(predicted, add(y, mul(jitter, 0.01)))));
  const [gradient] = gradients(loss, [slope]) as [Sym];
  const usable = less(abs(loss), Number.MAX_VALUE);
  const moved = add(mul(momentum, 0.9), gradient);
  const next = [
    where(usable, sub(slope, mul(moved, learningRate)), slope),
    where(usable, moved, momentum),
    add(skipped, sub(1, cast(usable, "float32"))),
  ];
  return { next, loss: reshape(loss, []) };
}

function steps(graph: Graph, count: number, state: readonly Sym[], batch: readonly Sym[], learningRate: number) {
  const looped = loop(graph, count, state, (iteration, carried) => {
    const own = batch.map((stacked) => at(stacked, iteration));
    const { next, loss } = oneStep(carried, own, learningRate);
    return { state: next, scan: [loss] };
  });
  return { next: [...looped.state], loss: looped.scan[0]! };
}

export const TRUE_SLOPE = [1.5, -0.5] as const;

/** Points on the line. Batches in `damaged` hold a value that is no number. */
export function linePoints(damaged: (index: number) => boolean = () => false): BatchSource {
  return {
    fill(arrays: BatchArrays, rng, index) {
      const x = rng.fillNormal(arrays.x as Float32Array);
      const y = arrays.y as Float32Array;
      for (let i = 0; i < ROWS; i++) y[i] = TRUE_SLOPE[0] * x[2 * i]! + TRUE_SLOPE[1] * x[2 * i + 1]!;
      if (damaged(index)) y[3] = Number.NaN;
    },
  };
}

export function lineFitStart(): Map<string, Tensor> {
  return new Map(STATE.map(({ name, shape }) => [name, makeTensor("float32", shape)]));
}

/** For a batch thread. */
export function createBatchSource(): BatchSource {
  return linePoints();
}
