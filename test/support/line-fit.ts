import {
  add,
  buildStep,
  linear,
  mean,
  mul,
  type Step,
  type StepGraph,
  sgd,
  square,
  sub,
  warmUp,
  zeros,
} from "../../src/graph/index.ts";
import type { BatchSource } from "../../src/learning/optimization/batches.ts";

const ROWS = 16;

/** Fits a line by gradient descent with momentum: a training step small enough to follow by hand. */
export function lineFit({
  updates,
  learningRate = 0.05,
}: {
  updates?: number | undefined;
  learningRate?: number;
} = {}): StepGraph {
  const definition = {
    name: "line_fit",
    define(step: Step) {
      const [x, y] = [step.field("x", [ROWS, 2]), step.field("y", [ROWS, 1])];
      const slope = step.parameters.get("slope", { shape: [2, 1], initializer: zeros });
      const bias = step.parameters.get("bias", { shape: [1], initializer: zeros });
      const wanted = add(y, mul(step.noise("jitter", [ROWS, 1]), 0.01));
      const loss = mean(square(sub(linear(x, slope, bias), wanted)));
      step.metric("loss", loss);
      const groups = { model: { learningRate: warmUp(5, learningRate) } };
      step.minimize("fit", loss, { groups, optimizer: sgd({ momentum: 0.9 }) });
    },
  };
  return buildStep(definition, updates);
}

export const TRUE_SLOPE = [1.5, -0.5] as const;

/** Points on the line. Batches that are `damaged` hold a value that is no number. */
export function linePoints(damaged: (index: number) => boolean = () => false): BatchSource {
  return {
    fill(arrays, rng, index) {
      const x = rng.fillNormal(arrays.x as Float32Array);
      const y = arrays.y as Float32Array;
      for (let i = 0; i < ROWS; i++) y[i] = TRUE_SLOPE[0] * x[2 * i]! + TRUE_SLOPE[1] * x[2 * i + 1]!;
      if (damaged(index)) y[3] = Number.NaN;
    },
  };
}

/** For a batch thread. */
export function createBatchSource(): BatchSource {
  return linePoints();
}
