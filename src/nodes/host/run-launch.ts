import type { LatentloopError } from "../../core/errors.ts";
import { onStopSignal } from "../../core/stop-signals.ts";
import type { LogRecord } from "./host-protocol.ts";
import { readLaunch } from "./launch-description.ts";
import { NodeHost } from "./node-host.ts";

export interface RunLaunchOptions {
  readonly onLog: (record: LogRecord) => void;
  /** Called once all nodes are active. */
  readonly onStarted?: (host: NodeHost) => void;
  /** Where other processes find it, in place of the file's. */
  readonly bind?: string;
  /** One more than in the file. */
  readonly peer?: string;
}

/**
 * Runs a launch file until a signal or a failure, and returns the error of a node that failed.
 *
 * The first signal to stop does it in order (`onStopSignal`); a second SIGINT or SIGTERM ends the process at once.
 * @throws those of `readLaunch` and `NodeHost.start`
 */
export async function runLaunch(file: string, options: RunLaunchOptions): Promise<LatentloopError | undefined> {
  const { peers, ...described } = await readLaunch(file);
  const { bind = described.bind, peer } = options;
  const launch = { ...described, ...(bind && { bind }), peers: peer === undefined ? peers : [...peers, peer] };
  const stop = new AbortController();
  const release = onStopSignal(() => {
    options.onLog({ level: "info", node: "host", message: "Stopping in order; a second signal ends at once." });
    stop.abort();
  });
  try {
    const host = await NodeHost.start(launch, { onLog: options.onLog, stopSignal: stop.signal });
    options.onStarted?.(host);
    return await host.finished();
  } finally {
    release();
  }
}
