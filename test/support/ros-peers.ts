import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { findRclnodejs, isBuilt } from "../../src/ros/index.ts";

/** Why the tests with a real ROS 2 cannot run here, or nothing. */
export function missingRos(...packages: readonly string[]): string | false {
  const missing = missingRosPackage(...packages);
  if (missing !== false) return missing;
  const folder = findRclnodejs();
  return folder === undefined || !isBuilt(folder) ? "rclnodejs is not built: latentloop ros setup" : false;
}

/** The same for tests that need the `ros2` command and these packages, but no node of ours. */
export function missingRosPackage(...packages: readonly string[]): string | false {
  if (!process.env.AMENT_PREFIX_PATH) return "no ROS 2 is sourced";
  const missing = packages.find((name) => spawnSync("ros2", ["pkg", "prefix", name]).status !== 0);
  return missing === undefined ? false : `the ROS 2 package ${missing} is not built and sourced`;
}

export interface Peer {
  readonly process: ChildProcess;
  /** All that it has printed so far, both streams. */
  readonly output: () => string;
  /** Waits for its end, at most so long; then it is killed. */
  ended(timeoutMs: number): Promise<number | null>;
  /** Waits until it has printed this. */
  printed(pattern: RegExp, timeoutMs: number): Promise<void>;
}

/** A process in a group of its own, as a terminal would start it. */
export function startPeer(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Peer {
  const child = spawn(command, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const exited = once(child, "exit");
  return {
    process: child,
    output: () => text,
    async ended(timeoutMs) {
      const timer = setTimeout(() => signalGroup(child, "SIGKILL"), timeoutMs);
      await exited;
      clearTimeout(timer);
      return child.exitCode;
    },
    async printed(pattern, timeoutMs) {
      const untilMs = performance.now() + timeoutMs;
      while (!pattern.test(text)) {
        if (performance.now() > untilMs || child.exitCode !== null) {
          throw new Error(`Expected ${pattern} of ${command} ${args.join(" ")} but it printed: ${text}`);
        }
        await timeout(10);
      }
    },
  };
}

export function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // it has ended by itself
  }
}

/** Runs a command to its end and returns all that it printed. */
export async function runPeer(command: string, args: readonly string[], timeoutMs = 20_000): Promise<string> {
  const peer = startPeer(command, args);
  await peer.ended(timeoutMs);
  return peer.output();
}

/** Resolves when `isTrue` is; looks again at every event-loop turn's pause. */
export async function until(what: string, isTrue: () => boolean, timeoutMs: number): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > untilMs) throw new Error(`Expected within ${timeoutMs} ms: ${what}`);
    await timeout(10);
  }
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
