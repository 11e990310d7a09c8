import { onStopSignal } from "../core/stop-signals.ts";

/** Does work that a signal, or the end of its time, may stop: it then ends at its next good moment. */
export async function untilStopped<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  seconds?: number,
): Promise<Result> {
  const stop = new AbortController();
  const release = onStopSignal(() => stop.abort());
  if (seconds === 0) stop.abort();
  const timer = seconds === undefined ? undefined : setTimeout(() => stop.abort(), 1000 * seconds);
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    release();
  }
}
