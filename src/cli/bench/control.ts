import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messageOf } from "../../core/errors.ts";
import { LatencyHistogram } from "../../nodes/control/latency-histogram.ts";
import { type Percentiles, percentilesUs } from "../../nodes/control/loop-statistics.ts";
import { pythonPeer } from "../python-peer.ts";
import { startLoad } from "./control/load.ts";
import { type MeasuredLoop, measureControlLoop } from "./control/measured-loop.ts";
import { PYTHON_LOOP } from "./control/python-loop.ts";
import { stolenMs } from "./control/stolen-time.ts";
import type { BenchOptions } from "./suite.ts";

export interface ControlBenchOptions extends BenchOptions {
  readonly rateHz?: number;
  /** SCHED_FIFO priority of our loop; the same loop without it runs beside it. */
  readonly priority?: number;
}

interface LoopFigures {
  readonly ticks: number;
  readonly missed: number;
  readonly lateness_us: Percentiles;
}

/**
 * How well the control loop keeps time on a busy machine, beside a plain setTimeout loop and a plain Python time.sleep loop.
 *
 * All loops run at the same time under the same load, each in a thread or process of its own. Ours does a whole tick with
 * plan following and gate; the baselines only wake up. A deadline that passed before a loop came to it counts as missed.
 */
export async function benchControl({ seconds = 60, rateHz = 100, priority = 40, log }: ControlBenchOptions) {
  const load = await startLoad();
  const stolenBeforeMs = stolenMs();
  log(`${rateHz} Hz for ${seconds} s under load: ${load.description}.`);
  try {
    const [control, unprivileged, timeout, python] = await Promise.all([
      measureControlLoop(rateHz, priority, seconds),
      measureControlLoop(rateHz, 0, seconds),
      runBaseline(process.execPath, [fileURLToPath(new URL("./control/timeout-loop.js", import.meta.url))]),
      runBaseline(pythonPeer(), ["-c", PYTHON_LOOP]),
    ]);
    const result = {
      rate_hz: rateHz,
      seconds,
      load: load.description,
      stolen_ms: stolenMs() - stolenBeforeMs,
      control: ourFigures(control),
      control_without_priority: ourFigures(unprivileged),
      set_timeout: timeout,
      python_time_sleep: python,
      p99_ratio: {
        set_timeout: ratioOf(timeout, control),
        python_time_sleep: ratioOf(python, control),
      },
    };
    if (result.stolen_ms > 0)
      log(`The host of this virtual machine took ${result.stolen_ms} ms of its cores meanwhile.`);
    for (const refusal of control.grant.refusals) log(`Without real-time priority: ${refusal}.`);
    log(tableRow("", ["p50 µs", "p99", "p99.9", "max", "missed"]));
    for (const [name, figures] of [
      [`control loop, priority ${control.grant.priority}`, result.control],
      ["control loop, no priority", result.control_without_priority],
      ["setTimeout", timeout],
      ["Python time.sleep", python],
    ] as const) {
      if ("skipped" in figures) log(`${name}: ${figures.skipped}`);
      else log(tableRow(name, [...Object.values(figures.lateness_us), figures.missed]));
    }
    return result;
  } finally {
    await load.stop();
  }

  async function runBaseline(command: string, args: readonly string[]): Promise<LoopFigures | { skipped: string }> {
    try {
      const { stdout } = await promisify(execFile)(command, [...args, String(rateHz), String(seconds)], {
        maxBuffer: 1 << 28,
      });
      const { lateness_us, missed } = JSON.parse(stdout) as { lateness_us: number[]; missed: number };
      const histogram = new LatencyHistogram();
      for (const us of lateness_us) histogram.record(us * 1e3);
      return { ticks: lateness_us.length, missed, lateness_us: percentilesUs(histogram) };
    } catch (thrown) {
      return { skipped: `${command} did not run: ${messageOf(thrown)}` };
    }
  }
}

function ourFigures({ grant, loop, collections, following }: MeasuredLoop) {
  return { ...loop, priority: grant.priority, sleep: grant.sleep, garbage_collections: collections, following };
}

function ratioOf(baseline: LoopFigures | { skipped: string }, { loop }: MeasuredLoop): number | null {
  return "skipped" in baseline ? null : Math.round((10 * baseline.lateness_us.p99) / loop.lateness_us.p99) / 10;
}

function tableRow(name: string, cells: readonly (string | number)[]): string {
  return name.padEnd(28) + cells.map((cell) => String(cell).padStart(10)).join("");
}
