/** What asks a program to end: Ctrl-C; `kill` and service managers; a terminal or SSH link that is gone. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls `onStop` at the first of these signals, and `onInsist` when SIGINT or SIGTERM comes again: by default that ends the
 * process at once. SIGHUP never insists: for one closed terminal the kernel and the shell send it several times.
 *
 * Output to a terminal or pipe that is gone is lost from here on and fails nothing, so that the end stays in order.
 * Returns what ends the listening.
 */
export function onStopSignal(onStop: () => void, onInsist: () => void = () => process.exit(130)): () => void {
  for (const stream of [process.stdout, process.stderr]) stream.off("error", loseOutput).on("error", loseOutput);
  let isStopping = false;
  let asked = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signal !== "SIGHUP" && ++asked > 1) {
      onInsist();
    } else if (!isStopping) {
      isStopping = true;
      onStop();
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  };
}

function loseOutput(): void {}
