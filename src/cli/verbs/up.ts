import { Command } from "commander";
import { runLaunch } from "../../nodes/host/run-launch.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";

/** `latentloop up <file>`: the nodes of a launch file, without ROS 2. */
export function upCommand(): Command {
  return new Command("up")
    .description("run the nodes of a launch file until a signal stops them in order")
    .argument("<file>", "launch description, e.g. launch/demo.yaml")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (file: string, { json }: { json: boolean }) => {
      const log = commentary(json);
      const error = await runLaunch(file, {
        onLog: printLog(log),
        onStarted: () => log("All nodes are active. Ctrl+C stops them in order."),
      });
      if (error) throw error;
      printResult({ launch: file, stopped: "in order" }, "Stopped in order.", json);
    });
}
