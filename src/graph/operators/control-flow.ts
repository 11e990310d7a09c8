import { LatentloopError } from "../../core/errors.ts";
import { sameShape } from "../../core/tensor.ts";
import { Graph } from "../graph.ts";
import { differentiable } from "../operator.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";

export interface LoopBody {
  /** The next state: as many tensors of the same shapes as the initial one. */
  readonly state: readonly Sym[];
  /** Values gathered from every iteration. */
  readonly scan: readonly Sym[];
}

/**
 * Runs a body a fixed number of times inside the graph. No gradient flows through it: unroll what must be differentiated.
 *
 * `build` is called once, with the iteration's index (scalar int64) and the current state; it may use any outer value.
 *
 * Shapes: state as `initial`; each scan output [trips, ...its shape]
 * @throws ERR_SHAPE_MISMATCH if the next state's shapes differ from the initial ones
 */
export function loop(
  graph: Graph,
  trips: number,
  initial: readonly Sym[],
  build: (iteration: Sym, state: readonly Sym[]) => LoopBody,
): { state: readonly Sym[]; scan: readonly Sym[] } {
  const name = graph.uniqueName("loop");
  const body = new Graph(name, graph);
  const iteration = body.input(`${name}/iteration`, [], "int64");
  const condition = body.input(`${name}/condition`, [], "bool");
  const state = initial.map((sym, i) => body.input(`${name}/state${i}`, sym.shape, sym.dtype));
  const next = build(iteration, state);
  if (next.state.length !== initial.length) {
    throw shapeError("Loop", `${initial.length} state tensors from the body`, [[next.state.length]]);
  }
  for (const [i, sym] of next.state.entries()) {
    if (!sameShape(sym.shape, initial[i]!.shape))
      throw shapeError("Loop", `a next state ${i} of the same shape`, [sym, initial[i]!]);
  }
  body.output(`${name}/condition_out`, condition);
  for (const [i, sym] of next.state.entries()) body.output(`${name}/state${i}_out`, sym);
  for (const [i, sym] of next.scan.entries()) body.output(`${name}/scan${i}`, sym);
  const outputs = loopNode(graph, trips, initial, body, next.scan);
  return { state: outputs.slice(0, initial.length), scan: outputs.slice(initial.length) };
}

const loopNode: (
  graph: Graph,
  trips: number,
  initial: readonly Sym[],
  body: Graph,
  scan: readonly Sym[],
) => readonly Sym[] = differentiable("Loop", (graph, trips, initial, body, scan) => ({
  operands: [...initial, ...capturedBy(body)],
  value: graph.append(
    "Loop",
    [graph.scalar(trips, "int64"), graph.scalar(1, "bool"), ...initial],
    [
      ...initial.map((sym) => [sym.shape, sym.dtype] as const),
      ...scan.map((sym) => [[trips, ...sym.shape], sym.dtype] as const),
    ],
    { body },
  ) as readonly Sym[],
  gradient: () => {
    throw new LatentloopError(
      "ERR_NOT_DIFFERENTIABLE",
      "Expected no gradient through a Loop but a loss depends on one.",
      {
        remedy: "Unroll the recurrence in TypeScript, or use stopGradient on what the loop yields.",
      },
    );
  },
}));

/** Every value that a body reads, its own included: if one of them depends on a parameter, so does the loop. */
function capturedBy(body: Graph): Sym[] {
  const values = [...body.nodes.flatMap((node) => node.inputs), ...body.outputs.map((output) => output.value)];
  return values.filter((sym) => sym !== undefined);
}
