import { basename, dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { readConfig } from "../../config/read-config.ts";
import { LatentloopError } from "../../core/errors.ts";
import { type LaunchPolicy, withPolicy } from "../../nodes/collect/collection-launch.ts";
import { launchSchema } from "../../nodes/host/launch-description.ts";
import { DEVICE_KINDS, type DeviceKind } from "../../nodes/teleop/teleop-parameters.ts";
import { TASKS } from "../../sim/index.ts";
import { type CollectedInSimulation, camerasOf, collectInSimulation } from "../collect/collect-in-simulation.ts";
import { collectLive, simulatedLaunch } from "../collect/collect-live.ts";
import { defaultFolder, type PolicyChoice, parsePolicy } from "../collect/collection-plan.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";
import { untilStopped } from "../stop-signal.ts";

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
  readonly realtime: boolean;
  readonly device: DeviceKind;
  readonly mapping?: string;
  readonly devicePath?: string;
  readonly urdf?: string;
  readonly tip?: string;
  readonly release: "hold" | "hand-back";
  readonly headless: boolean;
  readonly json: boolean;
}

/** An episode that nobody ends ends after so long. */
const DEFAULT_EPISODE_SECONDS = 30;

/** `latentloop collect`: episodes from a policy, a script or a human into a session of bags. */
export function collectCommand(): Command {
  const robots = TASKS.filter(({ actuation }) => actuation.kind !== "effort").map(({ name }) => name);
  return new Command("collect")
    .description("record episodes of a policy, a script or a human; a session goes on where it stopped")
    .argument(
      "[launch]",
      "launch file of a real robot whose driver is one of its nodes (no ROS 2); without one the robot is simulated, see --task",
    )
    .requiredOption("--policy <name>", "random, scripted, model:<folder> or teleop")
    .option("--task <name>", `simulated task: ${robots.join(", ")}`)
    .option("--episodes <n>", "episodes of this run", positiveInteger, 10)
    .option("--episode-seconds <n>", "length of an episode; by default the task's in simulated time, else 30", positive)
    .option("--out <folder>", "the session; by default runs/collect-<task>")
    .option("--seed <n>", "episode n of the session starts from seed + n", integer, 0)
    .option("--cameras <names>", "cameras to record, separated by commas; by default all")
    .option("--size <px>", "width and height of simulated images", positiveInteger, 128)
    .option("--image-rate <hz>", "simulated images per second", positive, 30)
    .option("--min-free-megabytes <n>", "the recording ends before the disk has less", positive, 512)
    .option("--realtime", "as fast as time passes, with keys for a human beside the policy", false)
    .addOption(new Option("--device <kind>", "what a human drives with").choices(DEVICE_KINDS).default("keyboard"))
    .option("--mapping <file>", "what the device moves; by default the file of its kind in launch/teleop")
    .option("--device-path <file>", "device file of a gamepad, by default /dev/input/js0")
    .option("--urdf <file>", "description of a launch file's robot, so that its tool can be driven")
    .option("--tip <link>", "the link of it that is driven")
    .addOption(
      new Option("--release <what>", "after the deadman is released").choices(["hold", "hand-back"]).default("hold"),
    )
    .option("--headless", "no live view", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(collect);
}

async function collect(launch: string | undefined, flags: CollectFlags): Promise<void> {
  const policy = parsePolicy(flags.policy);
  const isLive = launch !== undefined || policy.kind === "teleop" || flags.realtime;
  await untilStopped((signal) => (isLive ? collectWithTime : collectFast)(launch, flags, policy, signal));
}

async function collectFast(
  _launch: undefined | string,
  flags: CollectFlags,
  policy: PolicyChoice,
  stopSignal: AbortSignal,
): Promise<void> {
  const task = flags.task ?? missingTask();
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
    log: commentary(flags.json),
    stopSignal,
  });
  printResult(resultOf(task, flags.policy, result), summaryOf(result), flags.json);
}

async function collectWithTime(
  launch: string | undefined,
  flags: CollectFlags,
  choice: PolicyChoice,
  stopSignal: AbortSignal,
): Promise<void> {
  const policy = requireRealTimePolicy(choice);
  const task = flags.task ?? (launch === undefined ? missingTask() : basename(launch).replace(/\.ya?ml$/, ""));
  const { description, kinematics } =
    launch === undefined ? await simulated(task, flags, policy) : await launched(launch, flags, policy);
  const { mapping, devicePath } = flags;
  const result = await collectLive({
    description,
    launchFolder: launch === undefined ? process.cwd() : dirname(resolve(launch)),
    task,
    policyText: flags.policy,
    isAutomatic: policy.kind !== "teleop",
    hasPolicy: policy.kind !== "teleop",
    episodes: flags.episodes,
    episodeSeconds: flags.episodeSeconds ?? DEFAULT_EPISODE_SECONDS,
    out: resolve(flags.out ?? defaultFolder(task)),
    device: {
      kind: flags.device,
      ...(mapping !== undefined && { mapping: resolve(mapping) }),
      ...(devicePath !== undefined && { path: devicePath }),
    },
    ...(kinematics && { kinematics }),
    release: flags.release,
    minFreeMegabytes: flags.minFreeMegabytes,
    isHeadless: flags.headless || flags.json,
    log: commentary(flags.json || flags.headless),
    stopSignal,
  });
  const { episodes, discarded, bag, messages, drops, inputToCommandMs } = result;
  const successes = episodes.filter(({ success }) => success).length;
  const text = `${episodes.length} episodes, ${successes} successful, ${discarded} discarded\nrecorded in ${bag}`;
  const json = { task, policy: flags.policy, bag, episodes, discarded, messages, dropped: drops };
  printResult({ ...json, input_to_command_ms: inputToCommandMs ?? null }, text, flags.json);
}

function simulated(task: string, flags: CollectFlags, policy: LaunchPolicy) {
  const cameras = camerasOf(task, flags.cameras);
  return simulatedLaunch(policy, {
    task,
    cameras,
    imageSize: flags.size,
    imageRateHz: flags.imageRate,
    seed: flags.seed,
  });
}

async function launched(file: string, { urdf, tip }: CollectFlags, policy: LaunchPolicy) {
  const description = withPolicy(await readConfig(launchSchema, file), policy);
  const kinematics = urdf !== undefined && tip !== undefined ? { urdf: resolve(urdf), tip } : undefined;
  return { description, kinematics };
}

/** @throws ERR_UNKNOWN_POLICY for the one that needs simulated time */
function requireRealTimePolicy(policy: PolicyChoice): LaunchPolicy {
  if (policy.kind !== "scripted") return policy;
  throw new LatentloopError(
    "ERR_UNKNOWN_POLICY",
    "A script knows where everything is: it drives a simulated task only, in simulated time.",
    { remedy: "Use --task without --realtime, or another policy." },
  );
}

function missingTask(): never {
  throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected a launch file or --task <name> to collect from.");
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
