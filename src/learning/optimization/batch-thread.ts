import { parentPort, workerData } from "node:worker_threads";
import { type BatchPlan, type BatchSource, fillBuffers } from "./batches.ts";

/** What the batch thread is started with: `module` exports `createBatchSource(options)`. */
export interface BatchThreadData {
  readonly module: string;
  readonly options: unknown;
  readonly plan: BatchPlan;
}

/** What it says: a batch, or why there are no more. On one port, so that the batches before a failure come before it. */
export type FromBatchThread = ArrayBuffer[] | { readonly failure: unknown };

export interface BatchSourceModule {
  createBatchSource(options: unknown): BatchSource | Promise<BatchSource>;
}

const { module, options, plan } = workerData as BatchThreadData;
const { createBatchSource } = (await import(module)) as BatchSourceModule;
const source = await createBatchSource(options);
let index = plan.firstIndex;
let filled = Promise.resolve();
let hasFailed = false;
const tell = (message: FromBatchThread, transferred: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transferred);

// Buffers arrive empty, leave full, and are never in two threads at once. Fills queue up: batches stay in order.
parentPort!.on("message", (buffers: ArrayBuffer[] | "close") => {
  if (buffers === "close") {
    source.close?.();
    parentPort!.close();
    return;
  }
  filled = filled.then(async () => {
    if (hasFailed) return;
    try {
      await fillBuffers(plan, source, buffers, index);
      index += plan.stepsPerRun;
      tell(buffers, buffers);
    } catch (failure) {
      hasFailed = true;
      tell({ failure });
      parentPort!.close();
    }
  });
});
