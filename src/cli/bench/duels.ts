import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { formatTable } from "../output.ts";
import {
  type DuelResult,
  duel,
  inspectMachine,
  type Machine,
  RESULT_HEADING,
  resultRow,
  type Workload,
} from "./duel.ts";
import type { BenchOptions } from "./suite.ts";
import { findTorch } from "./torch.ts";

const DEFAULT_SECONDS = 10;
const THREADS = [1, 2].filter((threads) => threads <= availableParallelism());

export interface DuelsResult {
  readonly machine: Machine;
  readonly baseline: string | null;
  readonly results: readonly DuelResult[];
}

export interface Duels {
  /** Writes the files of each workload into the folder before it comes. */
  readonly workloads: (folder: string) => AsyncIterable<Workload>;
  /** What is said of our side. */
  readonly describe: (result: DuelResult) => string;
}

/** Every workload on one thread and on two, with eager PyTorch on the same files beside it if it is installed. */
export async function holdDuels(
  { seconds = DEFAULT_SECONDS, log }: BenchOptions,
  { workloads, describe }: Duels,
): Promise<DuelsResult> {
  const machine = inspectMachine(log);
  const torch = findTorch();
  log(torch ? `Baseline: eager PyTorch ${torch}.` : "PyTorch is not installed: our figures stand alone.");
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  try {
    const results: DuelResult[] = [];
    for await (const workload of workloads(folder)) {
      for (const threads of THREADS) {
        const result = await duel(workload, threads, seconds);
        const ratio = result.baseline ? `, ${result.baseline.speedRatio.toFixed(2)} × PyTorch` : "";
        log(`${workload.title}, ${threads} thread${threads > 1 ? "s" : ""}: ${describe(result)}${ratio}`);
        results.push(result);
      }
    }
    log(formatTable([RESULT_HEADING, ...results.map(resultRow)]));
    return { machine, baseline: torch ? `PyTorch ${torch}` : null, results };
  } finally {
    await rm(folder, { recursive: true });
  }
}
