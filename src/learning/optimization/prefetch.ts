import { Worker } from "node:worker_threads";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { BatchThreadData, FromBatchThread } from "./batch-thread.ts";
import { allocateBuffers, type BatchArrays, type BatchPlan, type BatchStream, borrowArrays } from "./batches.ts";

/** A source that lives in its own thread: a module exporting `createBatchSource`, and what to call it with. */
export interface BatchSourceLocation {
  readonly module: URL;
  readonly options: unknown;
}

/**
 * Batches filled by a worker thread while the previous one trains: `depth` sets of buffers go round between the threads.
 *
 * The same batches in the same order as `inlineBatches` gives.
 * @throws ERR_BATCH_SOURCE from `next` if the source fails or its thread ends
 */
export function prefetchBatches(location: BatchSourceLocation, plan: BatchPlan, depth = 2): BatchStream {
  const data: BatchThreadData = { module: location.module.href, options: location.options, plan };
  const thread = new Worker(new URL("./batch-thread.js", import.meta.url), { workerData: data });
  const ready: ArrayBuffer[][] = [];
  let failure: LatentloopError | undefined;
  let wake: (() => void) | undefined;
  let lent: ArrayBuffer[] | undefined;

  const fail = (what: string, cause?: unknown): void => {
    failure ??= new LatentloopError("ERR_BATCH_SOURCE", `The batches of ${location.module.href} ended: ${what}.`, {
      cause,
    });
    wake?.();
  };
  thread.on("message", (message: FromBatchThread) => {
    if (!Array.isArray(message)) return fail(messageOf(message.failure), message.failure);
    ready.push(message);
    wake?.();
  });
  thread.on("error", (error) => fail(messageOf(error), error));
  const exited = new Promise<void>((resolve) => {
    thread.on("exit", (status) => {
      fail(`its thread exited with status ${status}`);
      resolve();
    });
  });
  const lend = (buffers: ArrayBuffer[]): void => thread.postMessage(buffers, buffers);
  for (let i = 0; i < depth; i++) lend(allocateBuffers(plan));

  return {
    async next(): Promise<BatchArrays> {
      if (lent) lend(lent);
      lent = undefined;
      while (ready.length === 0 && !failure) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      lent = ready.shift();
      if (!lent) throw failure!;
      return borrowArrays(plan, lent);
    },
    async close() {
      thread.postMessage("close");
      await exited;
    },
  };
}
