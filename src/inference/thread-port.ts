import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { GraphReport } from "./place-graph.ts";
import {
  BELL,
  BELL_WORDS,
  type FromThread,
  type GraphToLoad,
  type ThreadOptions,
  type ToThread,
} from "./thread-messages.ts";

type Request =
  | { readonly kind: "load"; readonly graphs: readonly GraphToLoad[] }
  | { readonly kind: "unload"; readonly graphs: readonly number[] };

interface Reply {
  resolve(reports: readonly GraphReport[]): void;
  reject(error: LatentloopError): void;
}

/** The caller's end of one inference thread: its bell for calls, requests with replies for loading. */
export class ThreadPort {
  readonly #bell: Int32Array<SharedArrayBuffer>;
  readonly #worker: Worker;
  readonly #replies = new Map<number, Reply>();
  #nextRequest = 1;
  #cause: unknown;
  #ending = false;
  #ended = false;

  private constructor(worker: Worker, bell: Int32Array<SharedArrayBuffer>, onLost: (loss: LatentloopError) => void) {
    this.#worker = worker;
    this.#bell = bell;
    worker.on("message", (message: FromThread) => this.#settle(message));
    worker.on("error", (error) => {
      this.#cause = error;
    });
    worker.on("exit", (status) => {
      this.#ended = true;
      const loss = this.#lossOf(status);
      for (const reply of this.#replies.values()) reply.reject(loss);
      this.#replies.clear();
      if (!this.#ending) onLost(loss);
    });
  }

  /** @param onLost called once if the thread ends unasked */
  static async start(program: URL, niceness: number, onLost: (loss: LatentloopError) => void): Promise<ThreadPort> {
    const bell = new Int32Array(new SharedArrayBuffer(BELL_WORDS * Int32Array.BYTES_PER_ELEMENT));
    const workerData: ThreadOptions = { bell: bell.buffer, niceness };
    const worker = new Worker(program, { workerData, name: "inference" });
    await once(worker, "message"); // "ready"; rejects with the thread's error
    return new ThreadPort(worker, bell, onLost);
  }

  nextTicket(): number {
    return Atomics.add(this.#bell, BELL.tickets, 1);
  }

  ring(): void {
    Atomics.add(this.#bell, BELL.rings, 1);
    Atomics.notify(this.#bell, BELL.rings);
  }

  request(request: Request): Promise<readonly GraphReport[]> {
    const id = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      this.#replies.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, request: id } satisfies ToThread);
      this.ring();
    });
  }

  /** Ends the thread after the run that it is at. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.#worker, "exit");
    this.#askToStop();
    await exited;
  }

  /** As `stop`, blocking, for a process that is about to exit. */
  stopNow(timeoutMs: number): void {
    if (this.#ended) return;
    this.#askToStop();
    Atomics.wait(this.#bell, BELL.stopped, 0, timeoutMs);
  }

  #askToStop(): void {
    this.#ending = true;
    Atomics.store(this.#bell, BELL.stop, 1);
    this.ring();
  }

  #settle(message: FromThread): void {
    if (message.kind === "ready") return;
    const reply = this.#replies.get(message.request);
    this.#replies.delete(message.request);
    if (message.kind === "done") {
      reply?.resolve(message.reports);
      return;
    }
    const options = message.remedy === undefined ? {} : { remedy: message.remedy };
    reply?.reject(new LatentloopError(message.code, message.message, options));
  }

  #lossOf(status: number): LatentloopError {
    const reason = this.#cause === undefined ? `exit status ${status}` : messageOf(this.#cause);
    return new LatentloopError("ERR_INFERENCE_LOST", `The inference thread ended unasked: ${reason}.`, {
      remedy: "Start the node or the command again; if it ends again, run it with `inference: { provider: cpu }`.",
      cause: this.#cause,
    });
  }
}
