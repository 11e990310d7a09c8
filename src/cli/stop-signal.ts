/** Does work that Ctrl-C, a request to end, or the end of its time may stop: it then ends at its next good moment. */
export async function untilStopped<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  seconds?: number,
): Promise<Result> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  if (seconds === 0) stop.abort();
  const timer = seconds === undefined ? undefined : setTimeout(onSignal, 1000 * seconds);
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
