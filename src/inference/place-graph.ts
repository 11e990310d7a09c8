import type { GraphSignature } from "../config/graph-contract.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { Rng } from "../core/rng.ts";
import type { TensorData } from "../core/tensor.ts";
import { median } from "../math/median.ts";
import { fillRandom } from "./fill-inputs.ts";
import { OnnxSession } from "./onnx-session.ts";
import type { Placement, PlacementChoice } from "./placement.ts";

/** What one placement of a graph came to. */
export interface PlacementTrial {
  readonly placement: Placement;
  /** Median of the timed runs; undefined when it could not run. */
  readonly medianMs: number | undefined;
  /** Largest difference from the reference, relative to the output's largest value. */
  readonly error: number | undefined;
  /** Why it was not chosen; undefined for the chosen one. */
  readonly rejection: string | undefined;
}

/** How a graph was loaded. */
export interface GraphReport {
  readonly graph: string;
  readonly placement: Placement;
  readonly trials: readonly PlacementTrial[];
  readonly loadMs: number;
}

/** Largest relative difference from the CPU at which a faster provider is still trusted. */
const TOLERANCE = 1e-3;
/** Outputs smaller than this are compared absolutely. */
const SMALLEST_SCALE = 1e-2;
/** Grey levels that rounding may change in an image. */
const INTEGER_TOLERANCE = 1;
/** More threads or a device must take at most this share of the time to be worth their cost. */
const WORTHWHILE_SHARE = 0.9;
/** A rival that takes this many times as long is given up at once: a driver that computes in software may take seconds a run. */
const HOPELESS_FACTOR = 10;
/** Time that a run may lose to the machine, and the first run to compiling its kernels. */
const RUN_ALLOWANCE_MS = 100;
const FIRST_RUN_ALLOWANCE_MS = 3000;
const WARM_RUNS = 3;
const TIMED_RUNS = 15;
const TIMED_MS = 400;
const INPUT_SEED = 1;

interface Trial {
  readonly session: OnnxSession;
  readonly placement: Placement;
  readonly medianMs: number;
  readonly error: number;
}

export interface PlaceOptions extends PlacementChoice {
  readonly name: string;
  readonly onnx: Uint8Array;
  readonly signature: GraphSignature;
  readonly clock: Clock;
  /** Called between runs, so that other graphs' calls need not wait for the end. */
  readonly pause: () => Promise<void>;
}

/**
 * Opens a graph in the fastest of the given placements whose outputs agree with the first one's.
 *
 * @throws what the first placement throws; the others may fail, which the report tells
 */
export async function placeGraph(options: PlaceOptions): Promise<{ session: OnnxSession; report: GraphReport }> {
  const { name, placements, clock } = options;
  const beganNs = clock.monotonicNs();
  const reference = await tryPlacement(options, placements[0]!);
  const expected = copyOf(reference.session.outputs);
  const trials: PlacementTrial[] = [];
  let best = reference;
  for (const placement of placements.slice(1)) {
    try {
      const trial = await tryPlacement(options, placement, { expected, bestMs: best.medianMs });
      const rejection = rejectionOf(trial, best, options.insist);
      const loser = rejection === undefined ? best : trial;
      trials.push(
        summaryOf(loser, rejection ?? `${formatPlacement(placement)} is ${options.insist ? "asked for" : "faster"}`),
      );
      await loser.session.close();
      if (rejection === undefined) best = trial;
    } catch (thrown) {
      trials.push({ placement, medianMs: undefined, error: undefined, rejection: messageOf(thrown) });
    }
  }
  trials.push(summaryOf(best, undefined));
  const loadMs = (clock.monotonicNs() - beganNs) / 1e6;
  return { session: best.session, report: { graph: name, placement: best.placement, trials, loadMs } };
}

/** What a rival is held against. */
interface Standard {
  readonly expected: Readonly<Record<string, TensorData>>;
  readonly bestMs: number;
}

async function tryPlacement(options: PlaceOptions, placement: Placement, standard?: Standard): Promise<Trial> {
  const { name, onnx, signature, pause } = options;
  await pause();
  const session = await OnnxSession.open(name, onnx, signature, placement);
  try {
    fillRandom(signature.inputs, session.inputs, new Rng(INPUT_SEED));
    const limitMs = standard && !options.insist ? HOPELESS_FACTOR * standard.bestMs : Number.POSITIVE_INFINITY;
    const timesMs = await timeRuns(session, options, limitMs);
    const error = standard === undefined ? 0 : differenceOf(session.outputs, standard.expected);
    return { session, placement, medianMs: median(timesMs), error };
  } catch (cause) {
    await session.close();
    if (cause instanceof LatentloopError) throw cause;
    const where = formatPlacement(placement);
    throw new LatentloopError("ERR_INFERENCE_FAILED", `Graph '${name}' fails on ${where}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** @throws ERR_INFERENCE_FAILED if a run takes longer than the limit and its allowance */
async function timeRuns(session: OnnxSession, options: PlaceOptions, limitMs: number): Promise<number[]> {
  const { name, placements, clock, pause } = options;
  const timesMs: number[] = [];
  const timedRuns = placements.length > 1 ? TIMED_RUNS : 1;
  const endNs = clock.monotonicNs() + TIMED_MS * 1e6;
  for (let run = -WARM_RUNS; run < timedRuns && (run < 1 || clock.monotonicNs() < endNs); run++) {
    await pause();
    const beganNs = clock.monotonicNs();
    await session.run();
    const elapsedMs = (clock.monotonicNs() - beganNs) / 1e6;
    if (elapsedMs > limitMs + (run === -WARM_RUNS ? FIRST_RUN_ALLOWANCE_MS : RUN_ALLOWANCE_MS)) {
      const sentence = `Graph '${name}' took ${elapsedMs.toFixed(0)} ms, over ${HOPELESS_FACTOR} times as long as elsewhere.`;
      throw new LatentloopError("ERR_INFERENCE_FAILED", sentence);
    }
    if (run >= 0) timesMs.push(elapsedMs);
  }
  return timesMs;
}

function rejectionOf(trial: Trial, best: Trial, insist: boolean): string | undefined {
  if (!(trial.error <= TOLERANCE))
    return `its outputs differ from the CPU's by ${trial.error.toExponential(1)} of their size`;
  if (insist || trial.medianMs <= WORTHWHILE_SHARE * best.medianMs) return undefined;
  return `${formatPlacement(best.placement)} is as fast or faster`;
}

function summaryOf({ placement, medianMs, error }: Trial, rejection: string | undefined): PlacementTrial {
  return { placement, medianMs, error, rejection };
}

export function formatPlacement({ provider, threads }: Placement): string {
  return provider === "cpu" ? `cpu × ${threads}` : provider;
}

function copyOf(outputs: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, data.slice()]));
}

/** Largest difference of any output, relative to that output's largest value; NaN where only one of the two is NaN. */
export function differenceOf(
  actual: Readonly<Record<string, TensorData>>,
  expected: Readonly<Record<string, TensorData>>,
): number {
  return Object.entries(expected).reduce((worst, [name, values]) => {
    const others = actual[name]!;
    let difference = 0;
    let largest = 0;
    for (let i = 0; i < values.length; i++) {
      const [a, b] = [Number(others[i]), Number(values[i])];
      if (!Object.is(a, b)) difference = Math.max(difference, Math.abs(a - b));
      if (Math.abs(b) > largest) largest = Math.abs(b);
    }
    if (!(values instanceof Float32Array) && difference <= INTEGER_TOLERANCE) difference = 0;
    return Math.max(worst, difference / Math.max(largest, SMALLEST_SCALE));
  }, 0);
}
