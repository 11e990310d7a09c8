import type { DType, Shape } from "../core/tensor.ts";
import { type Attributes, graphOf } from "./graph.ts";
import { requireDType } from "./shapes.ts";
import { type Operand, Sym } from "./sym.ts";
import type { Cotangent } from "./tape.ts";

/** Names of all operators with a gradient rule; the tests check every one of them against finite differences. */
export const DIFFERENTIABLE: Set<string> = new Set();

type Cotangents<Out> = Out extends Sym ? Sym : readonly (Sym | undefined)[];

/** One application of an operator: its value and how cotangents go back to its operands. */
export interface Application<Out extends Sym | readonly Sym[]> {
  /** Operands that gradients may flow to, in the order of the rule's results. */
  readonly operands: readonly (Sym | undefined)[];
  readonly value: Out;
  /** Given the cotangent of the value, the cotangent of each operand. What nobody needs is pruned when the model is written. */
  readonly gradient: (cotangent: Cotangents<Out>) => readonly Cotangent[];
}

/**
 * Defines an operator: its forward computation and, beside it, its gradient rule.
 *
 * A rule speaks for everything built inside the definition, so an operator may be one ONNX node or a whole composite whose
 * derivative is known in a better form than the chain rule's.
 */
export function differentiable<Args extends unknown[], Out extends Sym | readonly Sym[]>(
  operator: string,
  define: (...args: Args) => Application<Out>,
): (...args: Args) => Out {
  DIFFERENTIABLE.add(operator);
  return (...args) => {
    const { operands, value, gradient } = define(...args);
    const single = value instanceof Sym;
    const outputs: readonly Sym[] = single ? [value] : (value as readonly Sym[]);
    const graph = graphOf(outputs);
    graph.record({
      operator,
      operands,
      outputs,
      scope: graph.scopePath,
      gradient: (cotangents) => gradient((single ? cotangents[0] : cotangents) as Cotangents<Out>),
    });
    return value;
  };
}

/** One ONNX node with one output, by default float32. */
export function node(
  type: string,
  inputs: readonly (Sym | undefined)[],
  shape: Shape,
  options: { readonly attributes?: Attributes; readonly dtype?: DType } = {},
): Sym {
  return nodes(type, inputs, [[shape, options.dtype ?? "float32"]], options.attributes)[0]!;
}

/** One ONNX node with several outputs. */
export function nodes(
  type: string,
  inputs: readonly (Sym | undefined)[],
  outputs: readonly (readonly [Shape, DType])[],
  attributes: Attributes = {},
): Sym[] {
  return graphOf(inputs).append(type, inputs, outputs, attributes);
}

/** The same value for the runtime, but a new one for gradients: nothing flows back through it. */
export function alias(x: Sym): Sym {
  return new Sym(x.graph, x.name, x.shape, x.dtype);
}

/**
 * Numbers among the operands as constants of the symbolic operands' element type.
 * @throws ERR_DTYPE_MISMATCH if two symbolic operands differ in element type
 */
export function lift(operation: string, operands: readonly Operand[]): Sym[] {
  const graph = graphOf(operands);
  const dtype = operands.find((operand) => operand instanceof Sym)!.dtype;
  return operands.map((operand) => {
    if (!(operand instanceof Sym)) return graph.scalar(operand, dtype);
    requireDType(operation, operand, dtype);
    return operand;
  });
}

/** Integer constants such as axes and shapes, as ONNX operators take them. */
export function ints(like: Sym, values: readonly number[]): Sym {
  return like.graph.constant(values, [values.length], "int64");
}
