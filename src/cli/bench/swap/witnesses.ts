import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Stall, StallLog } from "./stall-log.ts";

const PROGRAM = new URL("./witness.js", import.meta.url);

/** Who saw a late tick too: it says whose lateness it was. */
export const BLAMES = {
  machine: "a process of its own on one of the cores stalled as well: the machine, or its host, did it",
  process: "only another thread of the control loop's process stalled as well",
  loop: "nothing else stalled",
} as const;
export type Blame = keyof typeof BLAMES;

/** Threads and processes that keep time beside the control loop, at its priority, and note when they cannot. */
export class Witnesses {
  readonly #beside: StallLog;
  readonly #thread: Worker;
  readonly #processes: readonly ChildProcess[];
  readonly #elsewhere: Stall[] = [];

  private constructor(beside: StallLog, thread: Worker, processes: readonly ChildProcess[]) {
    this.#beside = beside;
    this.#thread = thread;
    this.#processes = processes;
    for (const { stdout } of processes) {
      createInterface({ input: stdout! }).on("line", (line) => {
        const told: unknown = JSON.parse(line);
        if (Array.isArray(told)) this.#elsewhere.push({ fromNs: Number(told[0]), untilNs: Number(told[1]) });
      });
    }
  }

  /** A thread of this process, and a process on every core (where `taskset` can hold it there). */
  static async start(): Promise<Witnesses> {
    const beside = new StallLog();
    const thread = new Worker(PROGRAM, { workerData: beside.memory });
    const program = fileURLToPath(PROGRAM);
    const canPin = spawnSync("taskset", ["--version"]).error === undefined;
    const processes = cpus().map((_, core) =>
      canPin
        ? spawn("taskset", ["-c", String(core), process.execPath, program], { stdio: ["ignore", "pipe", "inherit"] })
        : spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] }),
    );
    const witnesses = new Witnesses(beside, thread, processes);
    await Promise.all([once(thread, "online"), ...processes.map(({ stdout }) => once(stdout!, "data"))]);
    return witnesses;
  }

  /** Whose lateness this was. Ask a moment later, so that the others have had their say. */
  blame(late: Stall): Blame {
    const overlaps = ({ fromNs, untilNs }: Stall) => fromNs < late.untilNs && untilNs > late.fromNs;
    if (this.#elsewhere.some(overlaps)) return "machine";
    return this.#beside.read().some(overlaps) ? "process" : "loop";
  }

  /** Stalls of the other processes in a time: how the machine itself was. */
  machineStalls(fromNs: number, untilNs: number): { readonly count: number; readonly longest_ms: number } {
    const within = this.#elsewhere.filter((stall) => stall.fromNs >= fromNs && stall.fromNs < untilNs);
    const longestNs = Math.max(0, ...within.map((stall) => stall.untilNs - stall.fromNs));
    return { count: within.length, longest_ms: Math.round(longestNs / 1e5) / 10 };
  }

  async stop(): Promise<void> {
    this.#beside.end();
    await once(this.#thread, "exit");
    for (const witness of this.#processes) {
      witness.kill("SIGKILL");
      await once(witness, "exit");
    }
  }
}
