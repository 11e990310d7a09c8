import { LatentloopError } from "../core/errors.ts";
import { formatShape } from "../core/tensor.ts";
import type { Graph } from "./graph.ts";
import { add } from "./operators/arithmetic.ts";
import { gemm, matmul } from "./operators/linear.ts";
import { sum } from "./operators/reduction.ts";
import { expand, reshape, transposeMatrix } from "./operators/shape.ts";
import { concat } from "./operators/slicing.ts";
import { Sym } from "./sym.ts";
import type { Cotangent, OuterProduct, RowSum, TapeEntry } from "./tape.ts";

/**
 * Reverse-mode gradients of a scalar loss with respect to the given values, appended to the loss's graph.
 *
 * A value used twice gets the sum of both cotangents; applications that lead from none of the values to the loss are skipped.
 * The gradients themselves are constants to a later call: there are no second derivatives.
 *
 * Shapes: loss [] or one element; result i has the shape of `wrt[i]`, zeros where the loss does not depend on it
 * @throws ERR_SHAPE_MISMATCH if the loss has more than one element
 */
export function gradients(loss: Sym, wrt: readonly Sym[]): Sym[] {
  if (loss.size !== 1) {
    throw new LatentloopError(
      "ERR_SHAPE_MISMATCH",
      `Expected a scalar loss for gradients but "${loss.name}" has shape ${formatShape(loss.shape)}.`,
      { remedy: "Reduce it with sum(loss) or mean(loss)." },
    );
  }
  const { graph } = loss;
  return graph.withoutGradient(() => {
    const active = new Set<Sym>(wrt);
    const path = applicationsAfter(graph, active);
    const sweep = new Cotangents();
    sweep.put(loss, graph.constant([1], loss.shape));
    const kept = new Set(wrt);
    const found = new Map<Sym, Sym | undefined>();
    for (const entry of path.reverse()) {
      graph.withScopePath(entry.scope === "" ? "gradients" : `gradients/${entry.scope}`, () => {
        const cotangents = entry.outputs.map((output) => {
          const total = sweep.take(output);
          if (total && kept.has(output)) found.set(output, total);
          return total;
        });
        if (cotangents.every((cotangent) => cotangent === undefined)) return;
        entry.gradient(cotangents).forEach((cotangent, i) => {
          const operand = entry.operands[i];
          if (cotangent && operand && active.has(operand)) sweep.put(operand, cotangent);
        });
      });
    }
    return graph.withScopePath("gradients", () =>
      wrt.map((sym) => found.get(sym) ?? sweep.take(sym) ?? expand(graph.scalar(0), sym.shape)),
    );
  });
}

/** Applications that depend on an active value, in order; their outputs become active too. */
function applicationsAfter(graph: Graph, active: Set<Sym>): TapeEntry[] {
  return graph.tape.filter(({ operands, outputs }) => {
    const reached = operands.some((operand) => operand !== undefined && active.has(operand));
    if (reached) for (const output of outputs) if (output.dtype === "float32") active.add(output);
    return reached;
  });
}

/** Cotangents that have arrived at each value, summed when they are taken. */
class Cotangents {
  readonly #arrived = new Map<Sym, Exclude<Cotangent, undefined>[]>();
  readonly #concatenated = new Map<string, Sym>();

  put(sym: Sym, cotangent: Exclude<Cotangent, undefined>): void {
    const list = this.#arrived.get(sym);
    if (list) list.push(cotangent);
    else this.#arrived.set(sym, [cotangent]);
  }

  take(sym: Sym): Sym | undefined {
    const arrived = this.#arrived.get(sym);
    if (!arrived) return undefined;
    this.#arrived.delete(sym);
    const parts: Sym[] = [];
    const outer: OuterProduct[] = [];
    const rows: RowSum[] = [];
    for (const cotangent of arrived) {
      if (cotangent instanceof Sym) parts.push(cotangent);
      else if (cotangent.kind === "outer") outer.push(cotangent);
      else rows.push(cotangent);
    }
    if (outer.length > 0) {
      const left = this.#concatRows(outer.map((product) => product.left));
      const right = this.#concatRows(outer.map((product) => product.right));
      const product =
        left.rank === 2 ? gemm(left, right, undefined, { transposeA: true }) : matmul(transposeMatrix(left), right);
      parts.push(reshape(product, sym.shape));
    }
    if (rows.length > 0) parts.push(reshape(sum(this.#concatRows(rows.map((part) => part.rows)), -2), sym.shape));
    return parts.reduce((total, part) => add(total, part)); // not ONNX Sum: the WebGPU provider lacks it
  }

  /** Shared by a weight and its bias, and by weights that see the same rows. */
  #concatRows(parts: readonly Sym[]): Sym {
    const key = parts.map((part) => part.name).join();
    let whole = this.#concatenated.get(key);
    if (!whole) this.#concatenated.set(key, (whole = concat(parts, -2)));
    return whole;
  }
}
