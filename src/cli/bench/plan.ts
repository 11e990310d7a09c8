import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { Graph, InputParameters, initializeParameters, Parameters } from "../../graph/index.ts";
import { type Workload, writeTensors } from "./duel.ts";
import { type DuelsResult, holdDuels } from "./duels.ts";
import { PLANS, type PlanWorkload } from "./networks/index.ts";
import { buildPlan } from "./networks/plan.ts";
import type { BenchOptions } from "./suite.ts";

const SEED = 3;
const HEAD_STD = 0.1;

export interface PlanBenchResult extends DuelsResult {
  readonly suite: "plan";
}

/** One decision of each system, a whole search as one graph. */
export async function benchPlan(options: BenchOptions): Promise<PlanBenchResult> {
  const describe = ({ ms }: { readonly ms: number }) => `${ms.toFixed(2)} ms a decision`;
  return { suite: "plan", ...(await holdDuels(options, { workloads: planWorkloads, describe })) };
}

/** As files that both sides read. */
export async function* planWorkloads(folder: string): AsyncGenerator<Workload> {
  for (const [name, workload] of Object.entries(PLANS)) {
    const { title, twin, goal, config = {} } = workload;
    const { parameters, inputs } = tensorsOf(workload);
    const weights = await writeTensors(join(folder, `${name}.weights`), parameters);
    const batch = await writeTensors(join(folder, `${name}.batch`), inputs);
    yield { kind: "plan", name, title, twin, plan: config, goal, weights, batch };
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
