import type { Rng } from "../../core/rng.ts";
import { elementCount, type Shape } from "../../core/tensor.ts";

export interface InitializerRequest {
  readonly shape: Shape;
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Fills a new tensor with start values. */
export type Initializer = (request: InitializerRequest, rng: Rng) => Float32Array;

export const zeros: Initializer = ({ shape }) => new Float32Array(elementCount(shape));
export const ones: Initializer = constant(1);

export function constant(value: number): Initializer {
  return ({ shape }) => new Float32Array(elementCount(shape)).fill(value);
}

/** Uniform in ±1/√fanIn: what PyTorch's Linear and Conv start from, weights and biases alike. */
export const uniformFanIn: Initializer = ({ shape, fanIn }, rng) => {
  const bound = 1 / Math.sqrt(fanIn);
  return rng.fillUniform(new Float32Array(elementCount(shape)), -bound, bound);
};

/** Standard deviation of a standard normal cut off at ±2. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

/** Normal of the given standard deviation, redrawn beyond two deviations. TD-MPC2 uses 0.02. */
export function truncatedNormal(deviation: number): Initializer {
  return ({ shape }, rng) => fillTruncated(new Float32Array(elementCount(shape)), deviation, rng);
}

export interface VarianceScaling {
  readonly scale?: number;
  readonly fan?: "in" | "out" | "average";
}

/**
 * Truncated normal with variance scale / fan after the truncation. Scale 1 over the fan-in is DreamerV3's.
 *
 * Source: He et al. 2015, arXiv:1502.01852.
 */
export function varianceScaling({ scale = 1, fan = "in" }: VarianceScaling = {}): Initializer {
  return ({ shape, fanIn, fanOut }, rng) => {
    const units = fan === "in" ? fanIn : fan === "out" ? fanOut : (fanIn + fanOut) / 2;
    const deviation = Math.sqrt(scale / units) / TRUNCATED_DEVIATION;
    return fillTruncated(new Float32Array(elementCount(shape)), deviation, rng);
  };
}

function fillTruncated(out: Float32Array, deviation: number, rng: Rng): Float32Array {
  for (let i = 0; i < out.length; i++) {
    let draw = rng.normal();
    while (Math.abs(draw) > 2) draw = rng.normal();
    out[i] = draw * deviation;
  }
  return out;
}

/**
 * Rows or columns, whichever are fewer, orthonormal times the gain; leading axes beyond the matrix are flattened into its rows.
 *
 * Source: Saxe et al. 2013, arXiv:1312.6120. Differs: by Gram-Schmidt with re-orthogonalisation instead of QR.
 */
export function orthogonal(gain = 1): Initializer {
  return ({ shape }, rng) => {
    const columns = shape.at(-1) ?? 1;
    const rows = elementCount(shape) / columns;
    const wide = columns > rows;
    const [count, length] = wide ? [rows, columns] : [columns, rows];
    const basis: Float64Array[] = [];
    while (basis.length < count) {
      const vector = Float64Array.from({ length }, () => rng.normal());
      for (let pass = 0; pass < 2; pass++) for (const other of basis) subtractProjection(vector, other);
      const norm = Math.hypot(...vector);
      if (norm > 1e-6) basis.push(vector.map((value) => value / norm));
    }
    const out = new Float32Array(rows * columns);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < length; j++) out[wide ? i * columns + j : j * columns + i] = gain * basis[i]![j]!;
    }
    return out;
  };
}

function subtractProjection(vector: Float64Array, unit: Float64Array): void {
  let product = 0;
  for (let i = 0; i < vector.length; i++) product += vector[i]! * unit[i]!;
  for (let i = 0; i < vector.length; i++) vector[i]! -= product * unit[i]!;
}
