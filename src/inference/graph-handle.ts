import type { GraphSignature } from "../config/graph-contract.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import type { TensorData } from "../core/tensor.ts";
import { readError, type SharedGraph, STATE, TIME, viewSharedGraph, WORD } from "./shared-graph.ts";

/** How one call ended. `late`: the deadline passed first; the outputs are those of the last call that was in time. */
export interface GraphRun {
  readonly status: "done" | "late";
  /** From the call to the start in the inference thread. */
  readonly queueNs: number;
  /** In the inference thread: copies and the graph itself. NaN for a late call. */
  readonly computeNs: number;
}

/** What a handle needs of the engine behind it. */
export interface CallQueue {
  readonly clock: Clock;
  /** Takes the next place in the queue. */
  nextTicket(): number;
  ring(): void;
  /** Why no call can be served; undefined while all is well. */
  readonly refusal: LatentloopError | undefined;
}

/** A wait shorter than this is not worth its system call; also what is left while the worker writes its last outputs. */
const SHORTEST_WAIT_MS = 0.05;

/** One call on its way. */
interface Call {
  queued: boolean;
  queuedNs: number;
}

/**
 * One loaded graph: write `inputs`, `run`, read `outputs`. The views lie in memory shared with the inference thread and
 * stay the same for the handle's lifetime.
 *
 * A call that misses its deadline is dropped and counted; it never blocks the caller, and its result never overwrites the outputs.
 */
export class GraphHandle {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, TensorData>>;
  readonly #shared: SharedGraph;
  readonly #queue: CallQueue;
  #busy = false;
  #closed = false;
  #runs = 0;
  #late = 0;

  constructor(name: string, memory: SharedArrayBuffer, signature: GraphSignature, queue: CallQueue) {
    this.name = name;
    this.#shared = viewSharedGraph(memory, signature);
    this.#queue = queue;
    this.inputs = this.#shared.inputs;
    this.outputs = this.#shared.outputs;
  }

  /** Calls so far, and how many of them missed their deadline. */
  get counts(): { readonly runs: number; readonly late: number } {
    return { runs: this.#runs, late: this.#late };
  }

  /**
   * Runs the graph on the present inputs without blocking this thread.
   *
   * @param deadlineNs monotonic clock
   * @throws ERR_INFERENCE_FAILED, ERR_INFERENCE_BUSY, ERR_INFERENCE_LOST, ERR_INFERENCE_CLOSED
   */
  async run(deadlineNs = Number.POSITIVE_INFINITY): Promise<GraphRun> {
    const call = this.#begin();
    try {
      for (;;) {
        const seen = Atomics.load(this.#shared.control, WORD.completed);
        const ended = this.#advance(call, deadlineNs);
        if (ended) return ended;
        await Atomics.waitAsync(this.#shared.control, WORD.completed, seen, this.#waitMs(deadlineNs)).value;
      }
    } finally {
      this.#busy = false;
    }
  }

  /** As `run`, for a thread that may block. Give a deadline: a lost inference thread wakes nobody. */
  runSync(deadlineNs: number): GraphRun {
    const call = this.#begin();
    try {
      for (;;) {
        const seen = Atomics.load(this.#shared.control, WORD.completed);
        const ended = this.#advance(call, deadlineNs);
        if (ended) return ended;
        Atomics.wait(this.#shared.control, WORD.completed, seen, this.#waitMs(deadlineNs));
      }
    } finally {
      this.#busy = false;
    }
  }

  /** For the engine: wakes whoever waits, so that they see its refusal; calls in the queue are forgotten. */
  interrupt(): void {
    const { control } = this.#shared;
    Atomics.store(control, WORD.state, STATE.idle);
    Atomics.add(control, WORD.completed, 1);
    Atomics.notify(control, WORD.completed);
  }

  /** For the engine: the graph is unloaded. */
  close(): void {
    this.#closed = true;
    this.interrupt();
  }

  #begin(): Call {
    if (this.#busy) {
      throw new LatentloopError("ERR_INFERENCE_BUSY", `Graph '${this.name}' was called before its last call ended.`, {
        remedy: "Await each run, or load the bundle twice.",
      });
    }
    this.#busy = true;
    this.#runs++;
    return { queued: false, queuedNs: 0 };
  }

  /** One step of a call: queue it when the graph is free, see whether it ended, give it up when it is late. */
  #advance(call: Call, deadlineNs: number): GraphRun | undefined {
    this.#refuse();
    const { control, times } = this.#shared;
    const idle = Atomics.load(control, WORD.state) === STATE.idle;
    const nowNs = this.#queue.clock.monotonicNs();
    if (call.queued && idle) {
      if (Atomics.load(control, WORD.failed) === 1) throw this.#failure();
      const began = times[TIME.began]!;
      return { status: "done", queueNs: began - call.queuedNs, computeNs: times[TIME.ended]! - began };
    }
    if (nowNs >= deadlineNs && (!call.queued || this.#abandon())) {
      this.#late++;
      return { status: "late", queueNs: nowNs - call.queuedNs, computeNs: Number.NaN };
    }
    if (!call.queued && idle) {
      call.queued = true;
      call.queuedNs = nowNs;
      Atomics.store(control, WORD.failed, 0);
      Atomics.store(control, WORD.ticket, this.#queue.nextTicket());
      Atomics.store(control, WORD.state, STATE.queued);
      this.#queue.ring();
    }
    return undefined;
  }

  /** Gives the call up; false when its outputs are just being written, and so about to be ready. */
  #abandon(): boolean {
    const { control } = this.#shared;
    return (
      Atomics.compareExchange(control, WORD.state, STATE.queued, STATE.idle) === STATE.queued ||
      Atomics.compareExchange(control, WORD.state, STATE.running, STATE.abandoned) === STATE.running
    );
  }

  #waitMs(deadlineNs: number): number {
    if (deadlineNs === Number.POSITIVE_INFINITY) return deadlineNs;
    return Math.max((deadlineNs - this.#queue.clock.monotonicNs()) / 1e6, SHORTEST_WAIT_MS);
  }

  #refuse(): void {
    if (this.#closed) {
      throw new LatentloopError("ERR_INFERENCE_CLOSED", `Graph '${this.name}' was called after its bundle was closed.`);
    }
    if (this.#queue.refusal) throw this.#queue.refusal;
  }

  #failure(): LatentloopError {
    return new LatentloopError("ERR_INFERENCE_FAILED", `Graph '${this.name}' failed: ${readError(this.#shared)}.`);
  }
}
