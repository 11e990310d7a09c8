import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import {
  type CollectingPolicy,
  randomCollectingPolicy,
  scriptedCollectingPolicy,
} from "../../nodes/collect/collecting-policy.ts";
import { openModelPolicy } from "../../nodes/collect/model-policy.ts";
import { collectSimulated, type SimulatedCollectionSummary } from "../../nodes/collect/simulated-collection.ts";
import { EpisodeKeeper } from "../../replay/episode-keeper.ts";
import { Recording } from "../../replay/recording.ts";
import { SessionFolder } from "../../replay/session-folder.ts";
import type { SimulatedEnvironment } from "../../sim/environment.ts";
import { createEnvironment, taskNamed } from "../../sim/index.ts";
import { startProgress } from "../progress.ts";
import type { PolicyChoice } from "./collection-plan.ts";

export interface SimulationFlags {
  readonly task: string;
  readonly policy: PolicyChoice;
  readonly policyText: string;
  readonly episodes: number;
  readonly episodeSeconds?: number;
  readonly out: string;
  readonly seed: number;
  readonly cameras: readonly string[];
  readonly size: number;
  readonly imageRate: number;
  readonly minFreeMegabytes: number;
  readonly log: (line: string) => void;
  readonly stopSignal: AbortSignal;
}

export interface CollectedInSimulation extends SimulatedCollectionSummary {
  readonly bag: string;
  /** Finished episodes of the whole session. */
  readonly sessionEpisodes: number;
}

const CHUNK_BYTES = 768 * 1024;
const MAX_PENDING_BYTES = 256e6;

/** `latentloop collect` without a human: in simulated time, as fast as the machine computes. */
export async function collectInSimulation(flags: SimulationFlags): Promise<CollectedInSimulation> {
  const { task, episodes, out, seed, cameras, size, log, stopSignal } = flags;
  const clock = systemClock();
  using environment = await createEnvironment(task, {
    imageSizes: Object.fromEntries(cameras.map((name) => [name, { width: size, height: size }])),
  });
  const policy = await openPolicy(flags.policy, environment);
  const session = await SessionFolder.open(out);
  const progress = startProgress(`collect ${task}`, episodes);
  try {
    for (const bag of session.recovered) log(`Made whole what an interrupted run left: ${bag}`);
    const keeper = new EpisodeKeeper(session.finished);
    const customData: Record<string, string> = { task, policy: flags.policyText, seed: String(seed) };
    if (policy.modelHash !== "") customData.model = policy.modelHash;
    const recording = await Recording.begin({
      folder: join(out, `${task}_${new Date().toISOString().replaceAll(":", "-").replace("T", "_").replace("Z", "")}`),
      chunkBytes: CHUNK_BYTES,
      maxPendingBytes: MAX_PENDING_BYTES,
      minFreeBytes: flags.minFreeMegabytes * 1e6,
      customData,
    });
    const collected: number[] = [];
    let successes = 0;
    try {
      const summary = await collectSimulated({
        environment,
        policy,
        recording,
        keeper,
        episodes,
        episodeSteps: stepsOf(environment, flags.episodeSeconds),
        seed,
        cameras,
        imageRateHz: flags.imageRate,
        clock,
        stopSignal,
        onEpisode({ number, success }) {
          collected.push(number);
          if (success) successes++;
          progress.update(collected.length, { episode: number, success: `${successes} of ${collected.length}` });
        },
      });
      return { ...summary, bag: recording.folder, sessionEpisodes: keeper.finishedCount };
    } finally {
      await recording.end();
    }
  } finally {
    progress.stop();
    await session.close();
    await policy.close();
  }
}

function openPolicy(
  choice: PolicyChoice,
  environment: SimulatedEnvironment,
): Promise<CollectingPolicy> | CollectingPolicy {
  switch (choice.kind) {
    case "random":
      return randomCollectingPolicy(environment);
    case "scripted":
      return scriptedCollectingPolicy(environment);
    case "model":
      return openModelPolicy(choice.folder, environment);
    case "teleop":
      throw new LatentloopError("ERR_INTERNAL", "A human was asked to act faster than time passes.");
  }
}

function stepsOf({ controlRateHz, episodeSteps }: SimulatedEnvironment, seconds: number | undefined): number {
  return seconds === undefined ? episodeSteps : Math.max(1, Math.round(seconds * controlRateHz));
}

/** The cameras that are asked for, or all of the task's. @throws ERR_SIM_TASK */
export function camerasOf(task: string, wanted: string | undefined): readonly string[] {
  const known = taskNamed(task).cameras.map(({ name }) => name);
  const names = wanted?.split(",") ?? known;
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new LatentloopError("ERR_SIM_TASK", `Expected a camera of the task ${task} but received "${name}".`, {
      remedy: `Cameras: ${known.join(", ")}.`,
    });
  }
  return names;
}
