import type { Policy } from "../policy.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import { type RolloutResult, rollOut } from "./rollout.ts";

export interface EvaluationOptions {
  readonly episodes: number;
  /** Episode i starts from seed + i. */
  readonly seed: number;
  /** As in a rollout. */
  readonly delay?: number;
  /** So many episodes in a row only move the goal: the robot goes on from where it is. 1: every episode starts anew. */
  readonly episodesPerReset?: number;
  readonly onEpisode?: (done: number) => void;
  /** Ends it at the next step, by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  readonly episodes: number;
  readonly meanReturn: number;
  /** Of each episode. */
  readonly returns: readonly number[];
  /** Share of the episodes that meet the task's own criterion at their end. */
  readonly successRate: number;
  /** Distance from the goal at the end, for tasks whose reward is that distance. */
  readonly meanFinalDistanceM: number | undefined;
  readonly medianFinalDistanceM: number | undefined;
}

/** Plays fresh episodes and scores them. */
export async function evaluate(
  world: TrainingWorld,
  policy: Policy,
  { episodes, seed, delay = 0, episodesPerReset = 1, onEpisode, signal }: EvaluationOptions,
): Promise<Evaluation> {
  const returns: number[] = [];
  let successes = 0;
  const lastRewards: number[] = [];
  let before: RolloutResult | undefined;
  for (let i = 0; i < episodes; i++) {
    const kind = i % episodesPerReset === 0 ? "reset" : "retarget";
    const onStep = () => signal?.throwIfAborted();
    const result = await rollOut(world, policy, { start: { kind, seed: seed + i }, before, delay, onStep });
    before = result;
    returns.push(result.episodeReturn);
    if (result.success) successes++;
    lastRewards.push(result.lastReward);
    onEpisode?.(i + 1);
  }
  const { rewardPerM } = world;
  const distances = rewardPerM === undefined ? undefined : lastRewards.map((reward) => reward / rewardPerM);
  return {
    episodes,
    meanReturn: returns.reduce((sum, value) => sum + value, 0) / episodes,
    returns,
    successRate: successes / episodes,
    meanFinalDistanceM: distances && distances.reduce((sum, distance) => sum + distance, 0) / episodes,
    medianFinalDistanceM: distances?.toSorted((a, b) => a - b)[Math.floor(episodes / 2)],
  };
}
