import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { LatentloopError } from "../../../core/errors.ts";

/** C++ and Python nodes to measure against. */
export const PEERS = "latentloop_peers";
/** A publisher waits for its subscriber, and both for each other. */
export const PATIENCE_MS = 30_000;

/** As `bringup.launch.py priority:=30` starts the nodes that are to be punctual. */
export const PUNCTUAL = ["--fifo", "30", process.execPath];

/** A child process and what it has printed. */
export interface Program {
  readonly process: ChildProcess;
  readonly output: () => string;
}

export function run(program: string, args: readonly string[]): Program {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return { process: child, output: () => text };
}

/** The JSON that a program prints last. @throws ERR_BENCH if it ends without, or too late */
export async function lastLine({ process: child, output }: Program, limitMs: number): Promise<unknown> {
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  await once(child, "close");
  clearTimeout(timer);
  try {
    return JSON.parse(output().trim().split("\n").at(-1) ?? "");
  } catch (cause) {
    throw new LatentloopError(
      "ERR_BENCH",
      `Expected a result of ${child.spawnargs.join(" ")} but it ended without one.`,
      {
        cause,
      },
    );
  }
}

/** @throws ERR_BENCH when it takes too long */
export async function until(isTrue: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > untilMs)
      throw new LatentloopError("ERR_BENCH", `The loop over ROS 2 did not run within ${limitMs / 1e3} s.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
