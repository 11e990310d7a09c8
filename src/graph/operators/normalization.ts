import { differentiable, node, nodes } from "../operator.ts";
import { frontAxis, requireShape, shapeError, withExtent } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { rowSum } from "../tape.ts";
import { add, mul, pow, sub } from "./arithmetic.ts";
import { exp } from "./functions.ts";
import { matmul } from "./linear.ts";
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
        const normal = gain || bias ? mul(sub(x, rowMean), inverseDeviation) : y;
        const dNormal = gain ? mul(dy, gain) : dy;
        const dGain = mul(dy, normal);
        const along = gain ? rowMeans(dGain, gain) : mean(dGain, -1, true);
        const correction = add(mean(dNormal, -1, true), mul(normal, along));
        return [
          mul(inverseDeviation, sub(dNormal, correction)),
          gain && rowSum(rowsOf(dGain)),
          bias && rowSum(rowsOf(dy)),
        ];
      },
    };
  },
);

/**
 * Each row to root mean square 1, then the gain. With other axes than the last, what lies along all of them is one row.
 *
 * Shapes: x [..., D], gain [D] → [..., D]; or x [G, N, D], gain [G, 1, D] with axes 0 and 2
 * Source: Zhang and Sennrich 2019, arXiv:1910.07467.
 */
export const rmsNorm: (x: Sym, gain: Sym, epsilon?: number, axes?: readonly number[]) => Sym = differentiable(
  "RmsNormalization",
  (x, gain, epsilon = 1e-6, axes = [-1]) => {
    if (gain.rank === 1) requireVectors("RmsNormalization", x, gain);
    else requireShape("RmsNormalization", gain, withExtent(x.shape, x.rank - 2, 1));
    const inverse = pow(add(mean(mul(x, x), axes, true), epsilon), -0.5);
    const normal = mul(x, inverse);
    return {
      operands: [x, gain],
      value: mul(normal, gain),
      gradient: (dy) => {
        const dNormal = mul(dy, gain);
        const dx = mul(inverse, sub(dNormal, mul(normal, mean(mul(dNormal, normal), axes, true))));
        const dGain = mul(dy, normal);
        return [dx, rowSum(gain.rank === 1 ? rowsOf(dGain) : dGain)];
      },
    };
  },
);

/** Of the rows times the gain, without writing that down. Shapes: x [..., D], gain [D] → [..., 1] */
function rowMeans(x: Sym, gain: Sym): Sym {
  const size = gain.extent(0);
  return reshape(matmul(rowsOf(x), reshape(mul(gain, 1 / size), [size, 1])), withExtent(x.shape, x.rank - 1, 1));
}

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
