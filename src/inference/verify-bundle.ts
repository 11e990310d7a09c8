import { graphsOf, type Manifest, type ManifestGraph } from "../config/manifest.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import { Rng } from "../core/rng.ts";
import { fillRandom, fillZeros } from "./fill-inputs.ts";
import type { GraphHandle } from "./graph-handle.ts";
import { InferenceEngine } from "./inference-engine.ts";
import type { InferenceParameters, Placement } from "./placement.ts";
import { randomOperators } from "./random-operators.ts";
import { readBundle } from "./read-bundle.ts";

/** What one graph came to. Times are round trips from the caller through the inference thread. */
export interface GraphVerdict {
  readonly graph: string;
  readonly placement: Placement;
  readonly loadMs: number;
  readonly runs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface BundleVerdict {
  readonly name: string;
  readonly modelHash: string;
  readonly graphs: readonly GraphVerdict[];
  /** encode, observe and plan (or act) at p99, as a share of the policy period: beyond 1 the model cannot keep its rate. */
  readonly periodShare: number;
  readonly warnings: readonly string[];
}

const MAX_RUNS = 200;
const MAX_GRAPH_MS = 1500;
/** A run that takes longer hangs, for all that a robot cares. */
const RUN_DEADLINE_MS = 60_000;
const SEED = 1;
/** Rounding in tanh or a clip may pass the bound by this. */
const ACTION_BOUND = 1 + 1e-5;
const ACTION_OUTPUTS = ["actions", "action"];

/**
 * Checks a bundle to the end: manifest, contract, hashes, ONNX files, and real runs on zeros and on random inputs,
 * whose outputs must be finite and whose actions must lie in [-1, 1].
 *
 * @throws those of `InferenceEngine.load`; ERR_GRAPH_RANDOM, ERR_GRAPH_OUTPUT, ERR_INFERENCE_FAILED
 */
export async function verifyBundle(
  folder: string,
  parameters: InferenceParameters,
  clock: Clock,
): Promise<BundleVerdict> {
  checkRepeatable(await readBundle(folder));
  await using engine = await InferenceEngine.start({ ...parameters, clock });
  const { manifest, modelHash, graphs, reports, warnings } = await engine.load(folder);
  const verdicts: GraphVerdict[] = [];
  for (const [i, graph] of graphsOf(manifest).entries()) {
    const { placement, loadMs } = reports[i]!;
    const timesMs = await exercise(graphs[graph.name]!, graph, clock);
    verdicts.push({ graph: graph.name, placement, loadMs, ...summaryOf(timesMs) });
  }
  return { name: manifest.name, modelHash, graphs: verdicts, periodShare: periodShareOf(manifest, verdicts), warnings };
}

function checkRepeatable({ onnx }: Awaited<ReturnType<typeof readBundle>>): void {
  for (const [graph, bytes] of Object.entries(onnx)) {
    const found = randomOperators(bytes);
    if (found.length === 0) continue;
    const sentence = `Expected graph '${graph}' to take its noise as an input but it draws its own with ${found.join(", ")}.`;
    throw new LatentloopError("ERR_GRAPH_RANDOM", sentence, { remedy: "Export the graph with noise as an input." });
  }
}

/** Runs on zeros first, then on random inputs; returns the round trips. Units: ms. */
async function exercise(handle: GraphHandle, graph: ManifestGraph, clock: Clock): Promise<number[]> {
  const rng = new Rng(SEED);
  const timesMs: number[] = [];
  const endNs = clock.monotonicNs() + MAX_GRAPH_MS * 1e6;
  fillZeros(handle.inputs);
  for (let run = 0; run < MAX_RUNS && (run < 2 || clock.monotonicNs() < endNs); run++) {
    const beganNs = clock.monotonicNs();
    const { status } = await handle.run(beganNs + RUN_DEADLINE_MS * 1e6);
    if (status === "late")
      throw new LatentloopError("ERR_INFERENCE_FAILED", `Graph '${handle.name}' ran for over ${RUN_DEADLINE_MS} ms.`);
    timesMs.push((clock.monotonicNs() - beganNs) / 1e6);
    checkOutputs(handle, run === 0 ? "zeros" : "random inputs");
    fillRandom(graph.inputs, handle.inputs, rng);
  }
  return timesMs;
}

function checkOutputs({ name, outputs }: GraphHandle, fedWith: string): void {
  for (const [output, data] of Object.entries(outputs)) {
    if (!(data instanceof Float32Array)) continue;
    const bound = ACTION_OUTPUTS.includes(output) ? ACTION_BOUND : Number.MAX_VALUE;
    const wrong = data.find((value) => !(Math.abs(value) <= bound));
    if (wrong === undefined) continue;
    const rule = bound === ACTION_BOUND ? "within [-1, 1]" : "finite";
    throw new LatentloopError(
      "ERR_GRAPH_OUTPUT",
      `Expected output '${output}' of graph '${name}' to be ${rule} on ${fedWith} but it holds ${wrong}.`,
      { remedy: "Train or export the model again; such a bundle must not drive a robot." },
    );
  }
}

function summaryOf(timesMs: readonly number[]): Pick<GraphVerdict, "runs" | "p50Ms" | "p99Ms"> {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { runs: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function periodShareOf({ policyRateHz, graphs }: Manifest, verdicts: readonly GraphVerdict[]): number {
  const steps = ["encode", "observe", graphs.plan ? "plan" : "act"];
  const stepMs = verdicts.filter(({ graph }) => steps.includes(graph)).reduce((sum, { p99Ms }) => sum + p99Ms, 0);
  return (stepMs / 1000) * policyRateHz;
}
