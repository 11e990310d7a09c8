import { runLaunch } from "../../../../src/nodes/host/run-launch.ts";

/** A program around `runLaunch` for tests that send it signals: prints one JSON line per event. */
const print = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const error = await runLaunch(process.argv[2] ?? "", {
  onLog: ({ node, message }) => print({ node, message }),
  onStarted: (host) => print({ started: host.processIdOf("other") ?? null }),
});
print({ finished: error?.message ?? null });
