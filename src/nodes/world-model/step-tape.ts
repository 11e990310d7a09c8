import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { GraphPort, ModelGraphs } from "./graph-port.ts";
import type { MeanAction } from "./policy-step.ts";

/** How a run of a graph can end, by its number on a tape. */
const GRAPH_RUNS = ["done", "late", "failed"] as const;

/** What a policy step took from outside, in the order in which it took it. */
export interface StepTape {
  /** Units: ns, monotonic clock. */
  readonly clockNs: readonly number[];
  /** Shapes: [calls, A] row-major. */
  readonly meanActions: readonly number[];
  readonly graphRuns: readonly number[];
}

/** Listens to what a step takes. */
export class TapeRecorder {
  readonly clock: Clock;
  readonly graphs: ModelGraphs;
  #clockNs: number[] = [];
  #meanActions: number[] = [];
  #graphRuns: number[] = [];

  constructor(clock: Clock, graphs: ModelGraphs) {
    this.clock = {
      rosNs: () => clock.rosNs(),
      monotonicNs: () => {
        const nowNs = clock.monotonicNs();
        this.#clockNs.push(nowNs);
        return nowNs;
      },
    };
    this.graphs = eachGraph(graphs, (graph) => async (deadlineNs) => {
      try {
        const run = await graph.run(deadlineNs);
        this.#graphRuns.push(GRAPH_RUNS.indexOf(run.status));
        return run;
      } catch (thrown) {
        this.#graphRuns.push(GRAPH_RUNS.indexOf("failed"));
        throw thrown;
      }
    });
  }

  listen(meanAction: MeanAction): MeanAction {
    return (fromNs, toNs, out) => {
      meanAction(fromNs, toNs, out);
      this.#meanActions.push(...out);
    };
  }

  /** What was taken since the last call. */
  take(): StepTape {
    const tape = { clockNs: this.#clockNs, meanActions: this.#meanActions, graphRuns: this.#graphRuns };
    [this.#clockNs, this.#meanActions, this.#graphRuns] = [[], [], []];
    return tape;
  }
}

/** Gives a step what it took when the tape was recorded; graphs that were in time then run again. */
export class TapePlayer {
  readonly clock: Clock;
  readonly graphs: ModelGraphs;
  readonly meanAction: MeanAction;
  #clockNs: number[] = [];
  #meanActions: number[] = [];
  #graphRuns: number[] = [];

  constructor(graphs: ModelGraphs) {
    this.clock = { rosNs: () => 0n, monotonicNs: () => take(this.#clockNs, 1, "readings of the clock")[0]! };
    this.meanAction = (_from, _to, out) => out.set(take(this.#meanActions, out.length, "mean actions"));
    this.graphs = eachGraph(graphs, (graph) => async () => {
      const [ended] = take(this.#graphRuns, 1, "runs of graphs");
      if (GRAPH_RUNS[ended!] === "late") return { status: "late" };
      if (GRAPH_RUNS[ended!] === "done") return graph.run();
      throw new LatentloopError("ERR_INFERENCE_FAILED", "The graph failed when the session was recorded.");
    });
  }

  insert({ clockNs, meanActions, graphRuns }: StepTape): void {
    this.#clockNs = [...clockNs];
    this.#meanActions = [...meanActions];
    this.#graphRuns = [...graphRuns];
  }

  /** What a step left on the tape: nothing, when it takes what it took. */
  get left(): number {
    return this.#clockNs.length + this.#meanActions.length + this.#graphRuns.length;
  }
}

function eachGraph(graphs: ModelGraphs, runOf: (graph: GraphPort) => GraphPort["run"]): ModelGraphs {
  const wrap = ([name, graph]: [string, GraphPort]) => {
    const { inputs, outputs } = graph;
    return [name, { inputs, outputs, run: runOf(graph) }] as const;
  };
  return Object.fromEntries(Object.entries(graphs).map(wrap)) as unknown as ModelGraphs;
}

function take(rest: number[], count: number, what: string): number[] {
  if (rest.length >= count) return rest.splice(0, count);
  throw new LatentloopError(
    "ERR_SESSION_LOG",
    `Expected ${count} more ${what} on the tape but ${rest.length} are left.`,
  );
}
