import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { Graph, InputParameters, initializeParameters, Parameters } from "../../graph/index.ts";
import { formatTable } from "../output.ts";
import {
  type DuelResult,
  duel,
  inspectMachine,
  type Machine,
  RESULT_HEADING,
  resultRow,
  writeTensors,
} from "./duel.ts";
import { PLANS, type PlanWorkload } from "./networks/index.ts";
import { buildPlan } from "./networks/plan.ts";
import type { BenchOptions } from "./suite.ts";
import { findTorch } from "./torch.ts";

const DEFAULT_SECONDS = 10;
const THREADS = [1, 2].filter((threads) => threads <= availableParallelism());
const SEED = 3;
const HEAD_STD = 0.1;

export interface PlanBenchResult {
  readonly suite: "plan";
  readonly machine: Machine;
  readonly baseline: string | null;
  readonly results: readonly DuelResult[];
}

/** One decision of each system, a whole search as one graph, with the same in eager PyTorch beside it if it is installed. */
export async function benchPlan({ seconds = DEFAULT_SECONDS, log }: BenchOptions): Promise<PlanBenchResult> {
  const machine = inspectMachine(log);
  const torch = findTorch();
  log(torch ? `Baseline: eager PyTorch ${torch}.` : "PyTorch is not installed: our figures stand alone.");
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  try {
    const results: DuelResult[] = [];
    for (const [name, workload] of Object.entries(PLANS)) {
      const { title, twin, goal, config = {} } = workload;
      const { parameters, inputs } = tensorsOf(workload);
      const weights = await writeTensors(join(folder, `${name}.weights`), parameters);
      const batch = await writeTensors(join(folder, `${name}.batch`), inputs);
      for (const threads of THREADS) {
        const files = { weights, batch };
        const result = await duel({ kind: "plan", name, title, twin, plan: config, goal, ...files }, threads, seconds);
        const ratio = result.baseline ? `, ${result.baseline.speedRatio.toFixed(2)} × PyTorch` : "";
        log(`${title}, ${threads} thread${threads > 1 ? "s" : ""}: ${result.ms.toFixed(2)} ms a decision${ratio}`);
        results.push(result);
      }
    }
    log(formatTable([RESULT_HEADING, ...results.map(resultRow)]));
    return { suite: "plan", machine, baseline: torch ? `PyTorch ${torch}` : null, results };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Start weights by name, and random inputs. */
function tensorsOf(workload: PlanWorkload): { parameters: Map<string, Tensor>; inputs: Map<string, Tensor> } {
  const graph = new Graph("plan");
  const source = new InputParameters(graph);
  buildPlan(new Parameters(source), workload);
  const specs = [...source.specs.values()];
  const values = initializeParameters(specs, SEED);
  const rng = new Rng(SEED);
  // Heads that start at zero would make all candidates equal, and the search a matter of how ties are broken.
  for (const value of values.values()) if (value.every((x) => x === 0)) rng.fillNormal(value, HEAD_STD);
  const data = graph.inputs.filter(({ name }) => !source.specs.has(name));
  return {
    parameters: new Map(specs.map(({ name, shape }) => [name, makeTensor("float32", shape, values.get(name)!)])),
    inputs: new Map(
      data.map(({ name, shape }) => {
        const tensor = makeTensor("float32", shape);
        rng.fillNormal(tensor.data, name === "previous_mean" ? 0.3 : 1);
        return [name, tensor];
      }),
    ),
  };
}
