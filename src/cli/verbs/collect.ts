import { resolve } from "node:path";
import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { TASKS } from "../../sim/index.ts";
import { type CollectedInSimulation, camerasOf, collectInSimulation } from "../collect/collect-in-simulation.ts";
import { defaultFolder, parsePolicy } from "../collect/collection-plan.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";

interface CollectFlags {
  readonly policy: string;
  readonly task?: string;
  readonly episodes: number;
  readonly episodeSeconds?: number;
  readonly out?: string;
  readonly seed: number;
  readonly cameras?: string;
  readonly size: number;
  readonly imageRate: number;
  readonly minFreeMegabytes: number;
  readonly headless: boolean;
  readonly json: boolean;
}

/** `latentloop collect`: episodes from a policy, a script or a human into a session of bags. */
export function collectCommand(): Command {
  const robots = TASKS.filter(({ actuation }) => actuation.kind !== "effort").map(({ name }) => name);
  return new Command("collect")
    .description("record episodes of a policy, a script or a human; a session goes on where it stopped")
    .argument("[launch]", "launch file of a real robot; without one the robot is simulated, see --task")
    .requiredOption("--policy <name>", "random, scripted, model:<folder> or teleop")
    .option("--task <name>", `simulated task: ${robots.join(", ")}`)
    .option("--episodes <n>", "episodes of this run", positiveInteger, 10)
    .option("--episode-seconds <n>", "length of an episode; by default the task's", positive)
    .option("--out <folder>", "the session; by default runs/collect-<task>")
    .option("--seed <n>", "episode n of the session starts from seed + n", integer, 0)
    .option("--cameras <names>", "cameras to record, separated by commas; by default all")
    .option("--size <px>", "width and height of simulated images", positiveInteger, 128)
    .option("--image-rate <hz>", "simulated images per second", positive, 30)
    .option("--min-free-megabytes <n>", "the recording ends before the disk has less", positive, 512)
    .option("--headless", "no live view", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(collect);
}

async function collect(launch: string | undefined, flags: CollectFlags): Promise<void> {
  const policy = parsePolicy(flags.policy);
  const log = commentary(flags.json);
  const stop = new AbortController();
  const onSignal = () => (stop.signal.aborted ? process.exit(130) : stop.abort());
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    if (launch !== undefined || flags.task === undefined) {
      throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected --task <name>.");
    }
    const { task } = flags;
    const result = await collectInSimulation({
      task,
      policy,
      policyText: flags.policy,
      episodes: flags.episodes,
      ...(flags.episodeSeconds !== undefined && { episodeSeconds: flags.episodeSeconds }),
      out: resolve(flags.out ?? defaultFolder(task)),
      seed: flags.seed,
      cameras: camerasOf(task, flags.cameras),
      size: flags.size,
      imageRate: flags.imageRate,
      minFreeMegabytes: flags.minFreeMegabytes,
      log,
      stopSignal: stop.signal,
    });
    printResult(resultOf(task, flags.policy, result), summaryOf(result), flags.json);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function resultOf(task: string, policy: string, { episodes, messages, ...result }: CollectedInSimulation): object {
  return {
    task,
    policy,
    bag: result.bag,
    episodes: episodes.map(({ number }) => number),
    session_episodes: result.sessionEpisodes,
    success_rate: episodes.filter(({ success }) => success).length / episodes.length,
    mean_return: episodes.reduce((sum, episode) => sum + episode.return, 0) / episodes.length,
    simulated_seconds: Number(result.simulatedSeconds.toFixed(2)),
    messages: Object.fromEntries(messages),
    dropped: result.dropped,
  };
}

function summaryOf({ episodes, simulatedSeconds, dropped, bag, sessionEpisodes }: CollectedInSimulation): string {
  const successes = episodes.filter(({ success }) => success).length;
  return [
    `${episodes.length} episodes, ${successes} successful, ${simulatedSeconds.toFixed(0)} s of the robot's time, ${dropped} messages dropped`,
    `recorded in ${bag}; the session has ${sessionEpisodes} episodes`,
  ].join("\n");
}
