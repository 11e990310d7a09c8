import { once } from "node:events";
import { availableParallelism, cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { GraphSignature } from "../../config/graph-contract.ts";
import { systemClock } from "../../core/clock.ts";
import { Rng } from "../../core/rng.ts";
import { elementCount } from "../../core/tensor.ts";
import { Graph, matmul, tanh } from "../../graph/index.ts";
import { type CallQueue, GraphHandle } from "../../inference/graph-handle.ts";
import { OnnxSession } from "../../inference/onnx-session.ts";
import { allocateSharedGraph } from "../../inference/shared-graph.ts";
import { ThreadPort } from "../../inference/thread-port.ts";
import type { TimingRequest } from "../doctor/timing-thread.ts";
import type { BenchOptions } from "./suite.ts";

/** Chains of dense layers the size of a policy, of a batch of images' worth of data, and of a planner. */
const CASES = [
  { name: "policy", rows: 1, width: 128, layers: 3 },
  { name: "0.9 MB in and out", rows: 1024, width: 224, layers: 1 },
  { name: "planner", rows: 256, width: 256, layers: 24 },
] as const;
type Case = (typeof CASES)[number];

const DEFAULT_SECONDS = 20;
const ROUNDS = 4;
/** Between calls, as between the steps of a policy: the event loop is free. */
const PAUSE_MS = 2;
const NEIGHBOUR_PERIOD_NS = 2e6;
const NICENESS = 10;
const PROGRAM = new URL("../../inference/inference-thread.js", import.meta.url);

interface Timing {
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Time for which one call keeps the caller's event loop from anything else. */
  readonly blocked_ms: number;
}

interface CaseResult {
  readonly name: string;
  /** In the inference thread, through shared memory. */
  readonly latentloop: Timing;
  /** `session.run` in the caller's thread. */
  readonly direct: Timing;
  /** What the detour costs, by p50. */
  readonly overhead_us: number;
  readonly event_loop_freed_times: number;
}

interface Lateness {
  readonly p50_us: number;
  readonly p99_us: number;
  readonly max_us: number;
}

export interface InferenceBenchResult {
  readonly suite: "inference";
  readonly cpu: string;
  readonly cases: readonly CaseResult[];
  /** Lateness of a thread of ordinary priority at 500 Hz beside a planner that never rests, on all cores. */
  readonly neighbour: {
    readonly idle: Lateness;
    readonly beside_planner: Lateness;
    readonly beside_planner_niceness_10: Lateness;
  };
}

/** `latentloop bench inference`: what a call through the inference thread costs, and what it spares the caller. */
export async function benchInference({ seconds = DEFAULT_SECONDS, log }: BenchOptions): Promise<InferenceBenchResult> {
  const caseMs = (seconds * 1000 * 0.7) / CASES.length;
  const cases: CaseResult[] = [];
  for (const test of CASES) {
    const result = await measureCase(test, caseMs);
    const { latentloop, direct, overhead_us } = result;
    log(
      `${test.name}: ${latentloop.p50_ms.toFixed(3)} ms through the thread, ${direct.p50_ms.toFixed(3)} ms direct (${overhead_us.toFixed(0)} µs more), event loop blocked ${latentloop.blocked_ms.toFixed(3)} against ${direct.blocked_ms.toFixed(3)} ms`,
    );
    cases.push(result);
  }
  const neighbour = await measureNeighbour(seconds * 1000 * 0.3);
  log(
    `500 Hz neighbour late by p99 ${neighbour.idle.p99_us.toFixed(0)} µs alone, ${neighbour.beside_planner.p99_us.toFixed(0)} µs beside the planner, ${neighbour.beside_planner_niceness_10.p99_us.toFixed(0)} µs at niceness 10`,
  );
  return { suite: "inference", cpu: cpus()[0]?.model ?? "unknown", cases, neighbour };
}

function denseChain({ rows, width, layers }: Case): { onnx: Uint8Array; signature: GraphSignature } {
  const graph = new Graph("chain");
  const rng = new Rng(1);
  let x = graph.input("x", [rows, width]);
  for (let layer = 0; layer < layers; layer++) {
    const weight = rng.fillNormal(new Float32Array(width * width), 1 / Math.sqrt(width));
    x = tanh(matmul(x, graph.constant(weight, [width, width], "float32", `w${layer}`)));
  }
  graph.output("y", x);
  const tensor = (name: string) => ({ name, shape: [rows, width], dtype: "float32" as const });
  return { onnx: graph.toOnnx(), signature: { inputs: [tensor("x")], outputs: [tensor("y")] } };
}

/** One graph in an inference thread of its own. */
async function openHandle(test: Case, threads: number, niceness: number) {
  const { onnx, signature } = denseChain(test);
  let refusal: CallQueue["refusal"];
  const port = await ThreadPort.start(PROGRAM, niceness, (loss) => {
    refusal = loss;
  });
  const memory = allocateSharedGraph(signature);
  const placements = [{ provider: "cpu" as const, threads }];
  await port.request({
    kind: "load",
    graphs: [{ id: 1, name: test.name, onnx, ...signature, memory, placements, insist: false }],
  });
  const queue: CallQueue = {
    clock: systemClock(),
    nextTicket: () => port.nextTicket(),
    ring: () => port.ring(),
    get refusal() {
      return refusal;
    },
  };
  return { handle: new GraphHandle(test.name, memory, signature, queue), close: () => port.stop() };
}

async function measureCase(test: Case, budgetMs: number): Promise<CaseResult> {
  const { onnx, signature } = denseChain(test);
  const session = await OnnxSession.open(test.name, onnx, signature, { provider: "cpu", threads: 1 });
  const { handle, close } = await openHandle(test, 1, 0);
  const frame = new Rng(2).fillNormal(new Float32Array(elementCount(signature.inputs[0]!.shape)));
  const direct = async () => {
    session.inputs.x!.set(frame as never);
    await session.run();
  };
  const detour = async () => {
    handle.inputs.x!.set(frame as never);
    await handle.run();
  };
  const times = { direct: [] as number[], detour: [] as number[] };
  const blocked = { direct: 0, detour: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    blocked.direct += await callRepeatedly(direct, budgetMs / ROUNDS / 2, times.direct);
    blocked.detour += await callRepeatedly(detour, budgetMs / ROUNDS / 2, times.detour);
  }
  await session.close();
  await close();
  const ours = timingOf(times.detour, blocked.detour);
  const theirs = timingOf(times.direct, blocked.direct);
  return {
    name: test.name,
    latentloop: ours,
    direct: theirs,
    overhead_us: 1000 * (ours.p50_ms - theirs.p50_ms),
    event_loop_freed_times: theirs.blocked_ms / ours.blocked_ms,
  };
}

/** Calls with pauses; appends each duration and returns for how long the event loop was busy. Units: ms. */
async function callRepeatedly(call: () => Promise<void>, budgetMs: number, timesMs: number[]): Promise<number> {
  await call();
  const before = performance.eventLoopUtilization();
  const endMs = performance.now() + budgetMs;
  while (performance.now() < endMs) {
    await pause(PAUSE_MS);
    const beganMs = performance.now();
    await call();
    timesMs.push(performance.now() - beganMs);
  }
  return performance.eventLoopUtilization(before).active;
}

function timingOf(timesMs: readonly number[], blockedMs: number): Timing {
  const sorted = timesMs.toSorted((a, b) => a - b);
  return { p50_ms: quantile(sorted, 0.5), p99_ms: quantile(sorted, 0.99), blocked_ms: blockedMs / timesMs.length };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** In turns, so that whatever else the machine does falls on all of them. */
async function measureNeighbour(budgetMs: number): Promise<InferenceBenchResult["neighbour"]> {
  const turnMs = budgetMs / ROUNDS / 3;
  const idle: number[] = [];
  const beside: number[] = [];
  const besideNice: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    idle.push(...(await neighbourLateness(turnMs)));
    beside.push(...(await latenessBesidePlanner(0, turnMs)));
    besideNice.push(...(await latenessBesidePlanner(NICENESS, turnMs)));
  }
  const summary = (latenessUs: readonly number[]): Lateness => {
    const sorted = latenessUs.toSorted((a, b) => a - b);
    return { p50_us: quantile(sorted, 0.5), p99_us: quantile(sorted, 0.99), max_us: quantile(sorted, 1) };
  };
  return { idle: summary(idle), beside_planner: summary(beside), beside_planner_niceness_10: summary(besideNice) };
}

async function latenessBesidePlanner(niceness: number, budgetMs: number): Promise<number[]> {
  const { handle, close } = await openHandle(CASES[2], availableParallelism(), niceness);
  let over = false;
  const planning = (async () => {
    while (!over) await handle.run();
  })();
  const latenessUs = await neighbourLateness(budgetMs);
  over = true;
  await planning;
  await close();
  return latenessUs;
}

async function neighbourLateness(budgetMs: number): Promise<number[]> {
  const wakes = Math.ceil((budgetMs * 1e6) / NEIGHBOUR_PERIOD_NS);
  const workerData: TimingRequest = { priority: 0, wakes, periodNs: NEIGHBOUR_PERIOD_NS };
  const worker = new Worker(new URL("../doctor/timing-thread.js", import.meta.url), { workerData });
  const [{ latenessUs }] = (await once(worker, "message")) as [{ latenessUs: number[] }];
  return latenessUs;
}
