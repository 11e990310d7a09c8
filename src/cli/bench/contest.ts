import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { LatentloopError } from "../../core/errors.ts";
import { median } from "../../math/median.ts";

/** What both sides of a contest understand, one JSON line each way. */
export type Command =
  | { readonly do: "run"; readonly count: number }
  | { readonly do: "curve"; readonly count: number }
  | { readonly do: "loss" }
  | { readonly do: "plan" };

export interface RunAnswer {
  readonly seconds: number;
  /** Of all threads of the process: on a busy machine steadier than the wall's time. */
  readonly cpuSeconds: number;
  /** Largest resident memory of the process so far. */
  readonly peakMb: number;
}

/** One engine in a process of its own, so that memory and threads are its own too. */
export class Contestant {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #name: string;

  private constructor(name: string, command: string, args: readonly string[], threads: number) {
    this.#name = name;
    this.#process = spawn(command, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, OMP_NUM_THREADS: String(threads) },
    });
    this.#process.on("error", () => {}); // reported by the line that does not come
    this.#process.stdin.on("error", () => {});
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Starts the process and waits for its first line, which tells what it is. */
  static async start<Greeting>(
    name: string,
    command: string,
    args: readonly string[],
    threads: number,
  ): Promise<{ contestant: Contestant; greeting: Greeting }> {
    const contestant = new Contestant(name, command, args, threads);
    return { contestant, greeting: await contestant.#read<Greeting>() };
  }

  async ask<Answer>(command: Command): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    return this.#read<Answer>();
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    this.#reader.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid !== undefined) {
      await new Promise((resolve) => this.#process.once("exit", resolve));
    }
  }

  async #read<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value) as Answer;
    throw new LatentloopError(
      "ERR_BENCH",
      `The process of ${this.#name} ended before it answered: its own words are above.`,
    );
  }
}

export interface Timing {
  /** Median over the rounds. */
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

export interface ContestResult {
  readonly timings: readonly Timing[];
  /** For each contestant, how many times faster the first one was: the median of the ratios of each round. */
  readonly ratios: readonly number[];
}

const WARM_RUNS = 3;
const MIN_ROUNDS = 5;
const ROUND_MS = 500;

/**
 * Lets the contestants work in turn, round after round, so that whatever else the machine does falls on all of them.
 * Each does the same number of units a round.
 */
export async function holdContest(contestants: readonly Contestant[], seconds: number): Promise<ContestResult> {
  const run = (contestant: Contestant, count: number) => contestant.ask<RunAnswer>({ do: "run", count });
  for (const contestant of contestants) await run(contestant, WARM_RUNS);
  let roundSeconds = 0;
  for (const contestant of contestants) roundSeconds += (await run(contestant, 1)).seconds;
  const count = Math.max(1, Math.round(ROUND_MS / 1e3 / (roundSeconds / contestants.length)));
  const rounds = Math.max(MIN_ROUNDS, Math.round(seconds / (roundSeconds * count)));
  const ms: number[][] = contestants.map(() => []);
  const cpuMs: number[][] = contestants.map(() => []);
  const peaks = contestants.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const answer = await run(contestant, count);
      ms[i]!.push((answer.seconds / count) * 1e3);
      cpuMs[i]!.push((answer.cpuSeconds / count) * 1e3);
      peaks[i] = answer.peakMb;
    }
  }
  return {
    timings: ms.map((values, i) => ({ ms: median(values), cpuMs: median(cpuMs[i]!), peakMb: peaks[i]! })),
    ratios: ms.map((values) => median(values.map((value, round) => value / ms[0]![round]!))),
  };
}
