import { differentiable, node, nodes } from "../operator.ts";
import { frontAxis, shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { rowSum } from "../tape.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { exp, reciprocal, sqrt } from "./functions.ts";
import { mean, sum } from "./reduction.ts";
import { reshape } from "./shape.ts";

export const softmax: (x: Sym, axis?: number) => Sym = differentiable("Softmax", (x, axis = -1) => {
  const front = frontAxis("Softmax", x, axis);
  const y = node("Softmax", [x], x.shape, { attributes: { axis: front } });
  return {
    operands: [x],
    value: y,
    gradient: (dy) => {
      const weighted = mul(dy, y);
      return [sub(weighted, mul(y, sum(weighted, front, true)))];
    },
  };
});

export const logSoftmax: (x: Sym, axis?: number) => Sym = differentiable("LogSoftmax", (x, axis = -1) => {
  const front = frontAxis("LogSoftmax", x, axis);
  const y = node("LogSoftmax", [x], x.shape, { attributes: { axis: front } });
  return { operands: [x], value: y, gradient: (dy) => [sub(dy, mul(exp(y), sum(dy, front, true)))] };
});

/**
 * Each row to mean 0 and variance 1, then gain and bias if given.
 *
 * Shapes: x [..., D], gain and bias [D] → [..., D]
 * Source: Ba et al. 2016, arXiv:1607.06450.
 */
export const layerNorm: (x: Sym, gain?: Sym, bias?: Sym, epsilon?: number) => Sym = differentiable(
  "LayerNormalization",
  (x, gain, bias, epsilon = 1e-5) => {
    requireVectors("LayerNormalization", x, gain, bias);
    const scale = gain ?? x.graph.constant(new Float32Array(x.extent(-1)).fill(1), [x.extent(-1)]);
    const rowShape = [...x.shape.slice(0, -1), 1];
    const [y, rowMean, inverseDeviation] = nodes(
      "LayerNormalization",
      bias ? [x, scale, bias] : [x, scale],
      [
        [x.shape, "float32"],
        [rowShape, "float32"],
        [rowShape, "float32"],
      ],
      { axis: -1, epsilon: { float: epsilon } },
    ) as [Sym, Sym, Sym];
    return {
      operands: [x, gain, bias],
      value: y,
      gradient: (dy) => {
        const normal = mul(sub(x, rowMean), inverseDeviation);
        const dNormal = gain ? mul(dy, gain) : dy;
        const correction = add(mean(dNormal, -1, true), mul(normal, mean(mul(dNormal, normal), -1, true)));
        return [
          mul(inverseDeviation, sub(dNormal, correction)),
          gain && rowSum(rowsOf(mul(dy, normal))),
          bias && rowSum(rowsOf(dy)),
        ];
      },
    };
  },
);

/**
 * Each row to root mean square 1, then the gain.
 *
 * Shapes: x [..., D], gain [D] → [..., D]
 * Source: Zhang and Sennrich 2019, arXiv:1910.07467.
 */
export const rmsNorm: (x: Sym, gain: Sym, epsilon?: number) => Sym = differentiable(
  "RmsNormalization",
  (x, gain, epsilon = 1e-6) => {
    requireVectors("RmsNormalization", x, gain);
    const inverse = reciprocal(sqrt(add(mean(mul(x, x), -1, true), epsilon)));
    const normal = mul(x, inverse);
    return {
      operands: [x, gain],
      value: mul(normal, gain),
      gradient: (dy) => {
        const dNormal = mul(dy, gain);
        const dx = mul(inverse, sub(dNormal, mul(normal, mean(mul(dNormal, normal), -1, true))));
        return [dx, rowSum(rowsOf(mul(dy, normal)))];
      },
    };
  },
);

function rowsOf(x: Sym): Sym {
  return reshape(x, [-1, x.extent(-1)]);
}

function requireVectors(operation: string, x: Sym, ...vectors: readonly (Sym | undefined)[]): void {
  for (const vector of vectors) {
    if (vector && (vector.rank !== 1 || vector.extent(0) !== x.extent(-1))) {
      throw shapeError(operation, `a gain and bias of ${x.extent(-1)} elements`, [x, vector]);
    }
  }
}
