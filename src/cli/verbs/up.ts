import { Command } from "commander";
import { runLaunch } from "../../nodes/host/run-launch.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";

interface UpFlags {
  readonly bind?: string;
  readonly peer?: string;
  readonly json: boolean;
}

/** `latentloop up <file>`: the nodes of a launch file, without ROS 2. */
export function upCommand(): Command {
  return new Command("up")
    .description("run the nodes of a launch file until a signal stops them in order")
    .argument("<file>", "launch description, e.g. launch/demo.yaml")
    .option("--bind <endpoint>", "where other processes find it, in place of the file's `bind`")
    .option("--peer <endpoint>", "one more peer: where `latentloop call` binds")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText(
      "after",
      "\nPaths in the nodes' parameters (model, robot, folder, …) start at the working directory; keys and modules at the launch file.",
    )
    .action(async (file: string, { bind, peer, json }: UpFlags) => {
      const log = commentary(json);
      const error = await runLaunch(file, {
        ...(bind !== undefined && { bind }),
        ...(peer !== undefined && { peer }),
        onLog: printLog(log),
        onStarted: () => log("All nodes are active. Ctrl+C stops them in order."),
      });
      if (error) throw error;
      printResult({ launch: file, stopped: "in order" }, "Stopped in order.", json);
    });
}
