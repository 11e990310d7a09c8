import { Worker } from "node:worker_threads";
import { wakeRingReaders } from "../../transport/shared-ring.ts";
import { OperatorWords } from "./operator-words.ts";
import { loadSystemCalls, type SystemCalls } from "./system-calls.ts";

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
  /** One word: not 0 once the thread is to end. */
  readonly stop: SharedArrayBuffer;
}

/**
 * Wakes the readers of the control thread's shared memory from a thread of its own.
 *
 * Waking takes a lock of the whole process, and a thread without priority that holds it can be kept off the core for
 * 100 ms. The control thread therefore only writes to an eventfd, which no lock in user space guards.
 */
export class Doorbell {
  readonly fd: number;
  readonly #system: SystemCalls;
  readonly #stop: SharedArrayBuffer;
  readonly #exited: Promise<unknown>;

  private constructor(system: SystemCalls, data: DoorbellData) {
    this.fd = data.fd;
    this.#system = system;
    this.#stop = data.stop;
    const worker = new Worker(new URL("./doorbell-thread.js", import.meta.url), { workerData: data });
    this.#exited = new Promise((resolve) => worker.once("exit", resolve));
  }

  /** Undefined where the system has no eventfd: the control thread then wakes its readers itself. */
  static install(targets: BellTargets, priority: number): Doorbell | undefined {
    const system = loadSystemCalls();
    if (typeof system === "string") return undefined;
    const fd = system.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return undefined;
    return new Doorbell(system, { fd, targets, priority, stop: new SharedArrayBuffer(4) });
  }

  /**
   * Ends the thread and closes the descriptor. The thread ends by itself: terminating one that is inside a system call's
   * wrapper can abort the process.
   */
  async remove(): Promise<void> {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#system.write(this.fd, Int32Array.of(1, 0), 8);
    await this.#exited;
    this.#system.close(this.fd);
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
