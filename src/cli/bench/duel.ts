import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import type { Tensor } from "../../core/tensor.ts";
import type { Provider } from "../../inference/placement.ts";
import { writeFileAtomically } from "../../learning/atomic-file.ts";
import { encodeSafetensors } from "../../learning/optimization/safetensors.ts";
import { pythonPeer } from "../python-peer.ts";
import { Contestant, holdContest } from "./contest.ts";
import type { Greeting } from "./contest-engine.ts";
import { benchProvider, findTorch, TWIN_PROGRAM } from "./torch.ts";

/** One workload for both sides. */
export interface Workload {
  readonly kind: "train" | "plan";
  readonly name: string;
  readonly title: string;
  /** The network's name in torch_twin.py, and planner parameters for it. */
  readonly twin: string;
  readonly plan?: object;
  readonly goal: number;
  /** Files that both sides read. */
  readonly weights: string;
  readonly batch: string;
}

export interface DuelResult {
  readonly workload: string;
  readonly threads: number;
  readonly ms: number;
  /** Processor time of all threads together. */
  readonly cpuMs: number;
  readonly perSecond: number;
  readonly peakMb: number;
  readonly buildMs: number;
  readonly sessionMs: number;
  readonly nodes: number;
  /** The same with PyTorch, when it is installed. */
  readonly baseline: {
    readonly engine: string;
    readonly ms: number;
    readonly cpuMs: number;
    readonly peakMb: number;
    /** How many times faster we are: the median over the rounds. */
    readonly speedRatio: number;
    /** The same by processor time. */
    readonly cpuRatio: number;
    readonly memoryRatio: number;
    /** Largest difference between the two sides' first results, relative to the baseline's largest value. */
    readonly difference: number;
  } | null;
  readonly goal: number;
}

const ENGINE = fileURLToPath(new URL("./engine.js", import.meta.url));

export async function startOurs({ kind, name, weights, batch }: Workload, threads: number) {
  const args = [ENGINE, kind, name, weights, batch, String(threads), benchProvider()];
  return Contestant.start<Greeting>("onnxruntime", process.execPath, args, threads);
}

export async function startTwin({ twin, weights, batch, plan }: Workload, threads: number) {
  const files = ["--network", twin, "--weights", weights, "--batch", batch, "--threads", String(threads)];
  const device = ["--device", benchProvider() === "cpu" ? "cpu" : "cuda"];
  const args = [TWIN_PROGRAM, ...files, ...device, ...(plan ? ["--plan", JSON.stringify(plan)] : [])];
  return Contestant.start<{ engine: string }>("PyTorch", pythonPeer(), args, threads);
}

/** Measures a workload on our side and, if PyTorch is installed, on both sides in turn. */
export async function duel(workload: Workload, threads: number, seconds: number): Promise<DuelResult> {
  const ours = await startOurs(workload, threads);
  let twin: Awaited<ReturnType<typeof startTwin>> | undefined;
  try {
    if (findTorch() !== undefined) twin = await startTwin(workload, threads);
    const contestants = [ours.contestant, ...(twin ? [twin.contestant] : [])];
    const difference = twin ? await compareFirst(workload, ours.contestant, twin.contestant) : 0;
    const { timings, ratios } = await holdContest(contestants, seconds);
    const [mine, theirs] = [timings[0]!, timings[1]];
    return {
      workload: workload.name,
      threads,
      ms: mine.ms,
      cpuMs: mine.cpuMs,
      perSecond: 1e3 / mine.ms,
      peakMb: mine.peakMb,
      buildMs: ours.greeting.buildMs,
      sessionMs: ours.greeting.sessionMs,
      nodes: ours.greeting.nodes,
      baseline:
        twin && theirs
          ? {
              engine: twin.greeting.engine,
              ...theirs,
              speedRatio: ratios[1]!,
              cpuRatio: theirs.cpuMs / mine.cpuMs,
              memoryRatio: mine.peakMb / theirs.peakMb,
              difference,
            }
          : null,
      goal: workload.goal,
    };
  } finally {
    await ours.contestant.close();
    await twin?.contestant.close();
  }
}

/** Largest difference between the two sides' first results, relative to the baseline's largest value. */
export async function compareFirst({ kind }: Workload, ours: Contestant, twin: Contestant): Promise<number> {
  if (kind === "train") {
    const [a, b] = [await ours.ask<{ loss: number }>({ do: "loss" }), await twin.ask<{ loss: number }>({ do: "loss" })];
    return Math.abs(a.loss - b.loss) / Math.abs(b.loss);
  }
  const command = { do: "plan" } as const;
  const [a, b] = [await ours.ask<{ actions: number[] }>(command), await twin.ask<{ actions: number[] }>(command)];
  const gap = Math.max(...a.actions.map((action, i) => Math.abs(action - b.actions[i]!)));
  return gap / Math.max(...b.actions.map(Math.abs));
}

export async function writeTensors(path: string, tensors: ReadonlyMap<string, Tensor>): Promise<string> {
  await writeFileAtomically(path, encodeSafetensors({ tensors, metadata: {} }));
  return path;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
  readonly provider: Provider;
  /** Processes that wanted to run, mean of the last minute, before the measurement. */
  readonly load: number;
}

/** What the figures were taken on; says so when other work is in the way. */
export function inspectMachine(log: (line: string) => void): Machine {
  const processors = cpus();
  const load = loadavg()[0]!;
  const cores = processors.length;
  if (load > cores / 2) {
    log(
      `This machine is busy (load ${load.toFixed(1)} on ${cores} cores): trust processor times, and ratios of one thread.`,
    );
  }
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores,
    node: process.version,
    provider: benchProvider(),
    load,
  };
}

export const RESULT_HEADING = [
  "workload",
  "threads",
  "ours ms",
  "PyTorch ms",
  "ratio",
  "cpu ratio",
  "goal",
  "ours MB",
  "PyTorch MB",
  "first differs",
];

export function resultRow({ workload, threads, ms, peakMb, baseline, goal }: DuelResult): string[] {
  const theirs = baseline && {
    ms: baseline.ms.toFixed(1),
    ratio: baseline.speedRatio.toFixed(2),
    cpuRatio: baseline.cpuRatio.toFixed(2),
    peakMb: baseline.peakMb.toFixed(0),
    difference: baseline.difference.toExponential(1),
  };
  return [
    workload,
    String(threads),
    ms.toFixed(1),
    theirs?.ms ?? "–",
    theirs?.ratio ?? "–",
    theirs?.cpuRatio ?? "–",
    goal.toFixed(1),
    peakMb.toFixed(0),
    theirs?.peakMb ?? "–",
    theirs?.difference ?? "–",
  ];
}
