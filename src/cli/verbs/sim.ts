import { Command } from "commander";
import { parseStrict } from "../../config/parse-strict.ts";
import { launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { TASKS, taskNamed } from "../../sim/index.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";
import { printLog } from "../print-log.ts";
import { untilStopped } from "../stop-signal.ts";

interface SimFlags {
  readonly cameras?: string;
  readonly size: number;
  readonly imageRate: number;
  readonly seed: number;
  readonly bind?: string;
  readonly json: boolean;
}

/** `latentloop sim <task>`: a simulated robot and its cameras, for nodes that run elsewhere. */
export function simCommand(): Command {
  const tasks = TASKS.map(({ name, summary }) => `  ${name.padEnd(18)} ${summary}`);
  return new Command("sim")
    .description("run a simulated robot with its cameras on the topics of a real one")
    .argument("<task>", `one of ${TASKS.map(({ name }) => name).join(", ")}`)
    .option("--cameras <names>", "cameras that send images, separated by commas; by default all")
    .option("--size <px>", "width and height of the images", positiveInteger, 128)
    .option("--image-rate <hz>", "images per second", positive, 30)
    .option("--seed <n>", "seed of the start and the targets", integer, 0)
    .option("--bind <endpoint>", "ZeroMQ endpoint where other processes find it, e.g. tcp://127.0.0.1:7447")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText("after", `\nTasks:\n${tasks.join("\n")}`)
    .action(simulate);
}

async function simulate(task: string, { cameras, size, imageRate, seed, bind, json }: SimFlags): Promise<void> {
  const known = taskNamed(task).cameras.map(({ name }) => name);
  const log = commentary(json);
  const parameters = {
    task,
    cameras: cameras?.split(",") ?? known,
    imageSize: size,
    imageRateHz: imageRate,
    seed,
  };
  const description = {
    name: `simulated ${task}`,
    nodes: [{ name: "robot", kind: "simulated-robot", parameters }],
    ...(bind === undefined ? {} : { bind }),
  };
  const launch = await resolveLaunch(parseStrict(launchSchema, description, "the command line"), process.cwd());
  const error = await untilStopped(async (stopSignal) => {
    const host = await NodeHost.start(launch, { onLog: printLog(log), stopSignal });
    log(
      `${task} runs: joint_states, commands, ${parameters.cameras.map((name) => `${name}/image_raw`).join(", ")}, episode. Ctrl+C stops it.`,
    );
    return host.finished();
  });
  if (error) throw error;
  printResult({ task, stopped: "in order" }, "Stopped in order.", json);
}
