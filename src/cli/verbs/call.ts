import { Command } from "commander";
import { positive } from "../flags.ts";
import { printResult } from "../output.ts";
import { callRunningLoop, type RunningLoopFlags, runningLoopOptions } from "../running-loop.ts";

interface CallFlags extends RunningLoopFlags {
  readonly timeout: number;
  readonly json: boolean;
}

/** `latentloop call <service>`: an operator's word to the nodes that `latentloop up` runs. */
export function callCommand(): Command {
  const command = new Command("call")
    .description("call a service of a running loop, e.g. control/arm; exit status 1 when it refuses")
    .argument("<service>", "<node>/<service> as in docs/ros.md, e.g. control/halt; with the launch file's namespace");
  for (const option of runningLoopOptions()) command.addOption(option);
  return command
    .option("--timeout <s>", "how long to wait for the answer", positive, 10)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText("after", EXAMPLE)
    .action(async (service: string, { timeout, json, ...flags }: CallFlags) => {
      const { success, message } = await callRunningLoop(service, flags, timeout * 1e3);
      printResult({ service, success, message }, success ? message : `refused: ${message}`, json);
      if (!success) process.exitCode = 1;
    });
}

const EXAMPLE = `
The loop has to let the command in, by \`bind\` and \`peers\` of its launch file or by flags:
  mkdir -p runs
  latentloop up launch/demo.yaml --bind ipc://runs/robot --peer ipc://runs/operator
  latentloop call control/arm --at ipc://runs/robot --bind ipc://runs/operator`;
