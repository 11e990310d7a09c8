import type { ReadStream } from "node:tty";
import { readManifest } from "../../inference/read-bundle.ts";
import { isRosType, type RosType } from "../../messages/index.ts";
import {
  type CollectionNodes,
  type LaunchDescription,
  type LaunchPolicy,
  SIMULATED_TOOLS,
  simulatedLoop,
  withCollection,
} from "../../nodes/collect/collection-launch.ts";
import { resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import type { DeviceKind } from "../../nodes/teleop/teleop-parameters.ts";
import { createEnvironment } from "../../sim/index.ts";
import { TerminalKeys } from "../keys/terminal-keys.ts";
import { LiveView } from "../live-view.ts";
import { printLog } from "../print-log.ts";
import { LiveCollection, type LiveEpisode } from "./live-collection.ts";
import { renderCollection } from "./live-collection-view.ts";
import { OperatorKeys } from "./operator-keys.ts";

export interface LiveFlags {
  /** What runs, and the folder that its paths are relative to. */
  readonly description: LaunchDescription;
  readonly launchFolder: string;
  readonly task: string;
  readonly policyText: string;
  readonly isAutomatic: boolean;
  readonly hasPolicy: boolean;
  readonly episodes: number;
  readonly episodeSeconds: number;
  readonly out: string;
  readonly device: { readonly kind: DeviceKind; readonly mapping?: string; readonly path?: string };
  readonly kinematics?: CollectionNodes["kinematics"];
  readonly release: "hold" | "hand-back";
  readonly minFreeMegabytes: number;
  readonly isHeadless: boolean;
  readonly log: (line: string) => void;
  readonly stopSignal: AbortSignal;
}

export interface CollectedLive {
  readonly episodes: readonly LiveEpisode[];
  readonly discarded: number;
  readonly bag: string;
  readonly messages: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly inputToCommandMs: LiveCollection["inputToCommandMs"];
}

/** `latentloop collect` in real time: a launch file's robot or a simulated one, with a human's keys where there is a terminal. */
export async function collectLive(flags: LiveFlags): Promise<CollectedLive> {
  const { out, task, policyText, episodeSeconds, episodes, log, stopSignal } = flags;
  const { description, names } = withCollection(flags.description, {
    folder: out,
    task,
    episodeSeconds,
    device: flags.device,
    hasPolicy: flags.hasPolicy,
    ...(flags.kinematics && { kinematics: flags.kinematics }),
    release: flags.release,
    customData: { task, policy: policyText },
    minFreeMegabytes: flags.minFreeMegabytes,
  });
  const launch = await resolveLaunch(description, flags.launchFolder);
  const recorder = description.nodes.find(({ name }) => name === names.recorder)!;
  let view: LiveView | undefined;
  let answer = "";
  const isLive = !flags.isHeadless && process.stdout.isTTY;
  const host = await NodeHost.start(launch, {
    onLog: printLog((line) => (isLive ? (answer = line) : log(line)), "problems"),
    stopSignal,
  });
  let keys: TerminalKeys | undefined;
  const onAbort = () => collection.say("stop");
  const collection = new LiveCollection({
    host,
    namespace: description.namespace,
    names,
    topics: topicsOf(recorder.parameters.topics),
    episodes,
    isAutomatic: flags.isAutomatic,
    onEpisode({ number, steps, success }) {
      if (!isLive) log(`episode ${number}: ${steps} steps, ${success ? "success" : "no success"}`);
    },
    onAnswer(text) {
      answer = text;
      if (!isLive) log(text);
    },
  });
  const operator = new OperatorKeys({
    isRunning: () => collection.current !== undefined && !collection.isHalted,
    onWord: (word) => collection.say(word),
    onNote: (text) => collection.note(text),
    onMotion: ({ key, kind }) => collection.key(key, kind),
  });
  try {
    stopSignal.addEventListener("abort", onAbort, { once: true });
    if (process.stdin.isTTY) {
      keys = new TerminalKeys(process.stdin as ReadStream, process.stdout, (event) => operator.take(event));
    }
    if (isLive) {
      const title = `latentloop · collecting ${task} · ${policyText} · ${out}`;
      view = new LiveView(
        () => renderCollection(title, episodes, collection, { answer, note: operator.note }),
        process.stdout,
      );
      view.start();
    }
    await collection.run();
  } finally {
    view?.stop();
    keys?.close();
    stopSignal.removeEventListener("abort", onAbort);
    await host.stop();
  }
  const { bag, discarded, inputToCommandMs, rates } = collection;
  return {
    episodes: collection.episodes,
    discarded,
    bag,
    messages: rates.messages,
    drops: rates.drops,
    inputToCommandMs,
  };
}

/** The simulated task's nodes and its tool. @throws ERR_SIM_TASK */
export async function simulatedLaunch(
  policy: LaunchPolicy,
  options: { task: string; cameras: readonly string[]; imageSize: number; imageRateHz: number; seed: number },
): Promise<{ description: LaunchDescription; kinematics: CollectionNodes["kinematics"] }> {
  using environment = await createEnvironment(options.task);
  const robot = environment.robot?.name ?? "";
  const model =
    policy.kind === "model"
      ? {
          folder: policy.folder,
          cameras: (await readManifest(policy.folder)).manifest.observation.cameras.map(({ name }) => name),
        }
      : undefined;
  const cameras = [...new Set([...options.cameras, ...(model?.cameras ?? [])])];
  const random = policy.kind === "random";
  return {
    description: simulatedLoop({ ...options, cameras, robot, random, ...(model && { model }) }),
    kinematics: SIMULATED_TOOLS[robot],
  };
}

function topicsOf(topics: unknown): { name: string; type: RosType }[] {
  return (topics as readonly { name: string; type: string }[]).flatMap(({ name, type }) =>
    isRosType(type) ? [{ name, type }] : [],
  );
}
