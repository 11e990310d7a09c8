import { Worker } from "node:worker_threads";
import { wakeRingReaders } from "../../transport/shared-ring.ts";
import { OperatorWords } from "./operator-words.ts";
import { loadSystemCalls } from "./system-calls.ts";

/** Shared memory whose waiters a tick wakes. */
export interface BellTargets {
  readonly rings: readonly SharedArrayBuffer[];
  readonly operator: SharedArrayBuffer;
}

export function wakeTargets({ rings, operator }: BellTargets): void {
  for (const ring of rings) wakeRingReaders(ring);
  new OperatorWords(operator).wake();
}

export interface DoorbellData {
  readonly fd: number;
  readonly targets: BellTargets;
  readonly priority: number;
}

/**
 * Wakes the readers of the control thread's shared memory from a thread of its own.
 *
 * Waking takes a lock of the whole process, and a thread without priority that holds it can be kept off the core for
 * 100 ms. The control thread therefore only writes to an eventfd, which no lock in user space guards.
 */
export class Doorbell {
  readonly fd: number;
  readonly #worker: Worker;

  private constructor(fd: number, worker: Worker) {
    this.fd = fd;
    this.#worker = worker;
  }

  /** Undefined where the system has no eventfd: the control thread then wakes its readers itself. */
  static install(targets: BellTargets, priority: number): Doorbell | undefined {
    const system = loadSystemCalls();
    if (typeof system === "string") return undefined;
    const fd = system.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return undefined;
    const data: DoorbellData = { fd, targets, priority };
    return new Doorbell(fd, new Worker(new URL("./doorbell-thread.js", import.meta.url), { workerData: data }));
  }

  /** Ends the thread, which looks up at least every 100 ms, and closes the descriptor. */
  async remove(): Promise<void> {
    await this.#worker.terminate();
    const system = loadSystemCalls();
    if (typeof system !== "string") system.close(this.fd);
  }
}

/** asm-generic/fcntl.h */
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** The control thread's end: call it after a tick. Timing: one system call, safe in the control loop. */
export function bellRinger(fd: number | undefined, targets: BellTargets): () => void {
  const system = fd === undefined ? "" : loadSystemCalls();
  if (fd === undefined || typeof system === "string") return () => wakeTargets(targets);
  const one = Int32Array.of(1, 0);
  return () => void system.write(fd, one, 8);
}
