import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { REAL_TIME_NODE_OPTIONS } from "../../../nodes/control/real-time-heap.ts";
import type { Stall } from "./stall.ts";

const PROGRAM = [process.execPath, ...REAL_TIME_NODE_OPTIONS, fileURLToPath(new URL("./witness.js", import.meta.url))];

/** Who saw a late tick too: it says whose lateness it was. */
export const BLAMES = {
  machine: "a witness on one of the cores stalled as well: the machine, or its host, did it",
  loop: "nothing else stalled",
} as const;
export type Blame = keyof typeof BLAMES;

/** Processes that keep time beside the control loop, at its priority, and note when they cannot. */
export class Witnesses {
  readonly #processes: readonly ChildProcess[];
  readonly #stalls: Stall[] = [];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
    for (const { stdout } of processes) {
      createInterface({ input: stdout! }).on("line", (line) => {
        const told: unknown = JSON.parse(line);
        if (Array.isArray(told)) this.#stalls.push({ fromNs: Number(told[0]), untilNs: Number(told[1]) });
      });
    }
  }

  /** One on every core, where `taskset` can hold it there. */
  static async start(): Promise<Witnesses> {
    const canPin = spawnSync("taskset", ["--version"]).error === undefined;
    const processes = cpus().map((_, core) => {
      const [command, ...args] = canPin ? ["taskset", "-c", String(core), ...PROGRAM] : PROGRAM;
      return spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
    });
    const witnesses = new Witnesses(processes);
    await Promise.all(processes.map(({ stdout }) => once(stdout!, "data")));
    return witnesses;
  }

  /** Whose lateness this was. Ask a moment later, so that the others have had their say. */
  blame(late: Stall): Blame {
    return this.#stalls.some(({ fromNs, untilNs }) => fromNs < late.untilNs && untilNs > late.fromNs)
      ? "machine"
      : "loop";
  }

  /** Stalls of the witnesses in a time: how the machine itself was. */
  machineStalls(fromNs: number, untilNs: number): { readonly count: number; readonly longest_ms: number } {
    const within = this.#stalls.filter((stall) => stall.fromNs >= fromNs && stall.fromNs < untilNs);
    const longestNs = Math.max(0, ...within.map((stall) => stall.untilNs - stall.fromNs));
    return { count: within.length, longest_ms: Math.round(longestNs / 1e5) / 10 };
  }

  async stop(): Promise<void> {
    for (const witness of this.#processes) {
      witness.kill("SIGKILL");
      await once(witness, "exit");
    }
  }
}
