import { join } from "node:path";
import type { ObservationKind } from "../../../learning/learner.ts";

/** A task for a system to learn, beside what was published. Units: environment steps, which are control steps */
export interface LearningContest {
  readonly algorithm: string;
  readonly task: string;
  readonly observation: ObservationKind;
  readonly steps: number;
  readonly published: { readonly meanReturn: number; readonly steps: number };
}

/**
 * The published steps are halved where the system is meant to need no more.
 *
 * Source: TD-MPC2 and, from state, DreamerV3: the result files of the authors of arXiv:2310.16828, means of 3 seeds, networks
 * of 5 M parameters. DreamerV3 from pixels: those of the authors of arXiv:2301.04104, 10 seeds.
 */
export const CONTESTS: readonly LearningContest[] = [
  fromState("td-mpc2", "cartpole-swingup", 50_000, 839),
  fromState("td-mpc2", "reacher-easy", 100_000, 937),
  fromState("td-mpc2", "finger-spin", 50_000, 948),
  fromState("td-mpc2", "walker-walk", 50_000, 962),
  fromState("dreamer-v3", "cartpole-swingup", 100_000, 677),
  fromState("dreamer-v3", "reacher-easy", 100_000, 872),
  fromPixels("td-mpc2", "reacher-easy", 360),
  fromPixels("dreamer-v3", "cartpole-swingup", 597),
  fromPixels("dreamer-v3", "reacher-easy", 376),
];

/** Where the runs of all contests lie. */
export const RUNS = join("runs", "learn");

/** What a contest is called in tables and file names. */
export function titleOf({ task, observation, algorithm }: LearningContest): string {
  return observation === "state" ? `${task}-${algorithm}` : `${task}-${observation}-${algorithm}`;
}

export function folderOf(contest: LearningContest, seed: number): string {
  return join(RUNS, `${titleOf(contest)}-${seed}`);
}

/** The command that makes the same run. */
export function commandOf(contest: LearningContest, seed: number, episodes: number): string {
  const { algorithm, task, observation, steps } = contest;
  return [
    `latentloop train --algo ${algorithm} --task ${task}`,
    ...(observation === "state" ? [] : [`--observe ${observation}`]),
    `--steps ${steps} --seed ${seed} --episodes ${episodes} --out ${folderOf(contest, seed)}`,
  ].join(" ");
}

function fromState(algorithm: string, task: string, steps: number, meanReturn: number): LearningContest {
  return { algorithm, task, observation: "state", steps, published: { meanReturn, steps: 100_000 } };
}

function fromPixels(algorithm: string, task: string, meanReturn: number): LearningContest {
  return { algorithm, task, observation: "pixels", steps: 100_000, published: { meanReturn, steps: 100_000 } };
}
