import { LatentloopError } from "../core/errors.ts";
import { Rng } from "../core/rng.ts";
import type { Bundle } from "../inference/read-bundle.ts";
import { BundlePolicy, type PolicyTimes } from "../learning/bundle/bundle-policy.ts";
import { type Evaluation, type EvaluationOptions, evaluate } from "../learning/run/evaluate.ts";
import { exploringPolicy } from "../learning/run/rollout.ts";
import { DEPLOYED } from "../learning/run/training-scores.ts";
import type { TrainingWorld } from "../learning/world/training-world.ts";
import type { DomainShift } from "../sim/domain-shift.ts";
import { openWorldOf } from "./training-world.ts";

export interface PlayOptions {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  /** Plans act late, and the robot goes on from where it is when the goal moves. */
  readonly deployed: boolean;
  /** The graph to act by; by default `plan`, or `act` where nothing plans. */
  readonly planGraph?: string | undefined;
  /** How the world differs from the nominal one. */
  readonly shift?: Partial<DomainShift>;
  readonly onEpisode?: (done: number) => void;
}

/** Fresh episodes of a simulated task by a bundle. @throws ERR_INVALID_ARGUMENT if it has no such graph, or other actions than the task */
export async function playBundle(
  bundle: Bundle,
  { planGraph, task, shift = {}, ...options }: PlayOptions,
): Promise<Evaluation & { readonly times: PolicyTimes }> {
  const { manifest, onnx, folder } = bundle;
  const graphs = new Map(Object.entries(onnx));
  const planName = planGraph ?? (graphs.has("plan") ? "plan" : "act");
  if (!graphs.has(planName)) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a planning graph of ${folder} but received "${planName}".`,
      {
        remedy: `Its graphs: ${[...graphs.keys()].join(", ")}.`,
      },
    );
  }
  const world = await openWorldOf(manifest, task, { shift });
  try {
    requireSameActions(manifest.action.dimensions.length, world, folder);
    const policy = await BundlePolicy.open(graphs, new Rng(options.seed), { planName });
    try {
      return { ...(await evaluate(world, policy, evaluationOf(world, options))), times: policy.times };
    } finally {
      await policy.close();
    }
  } finally {
    world.close();
  }
}

/** The same episodes as `playBundle` by random actions. */
export async function playRandomly(
  { manifest }: Bundle,
  { task, shift = {}, ...options }: Omit<PlayOptions, "planGraph">,
): Promise<Evaluation> {
  const world = await openWorldOf(manifest, task, { shift });
  try {
    return await evaluate(world, exploringPolicy(world, new Rng(options.seed)), evaluationOf(world, options));
  } finally {
    world.close();
  }
}

function evaluationOf(
  world: TrainingWorld,
  { episodes, seed, deployed, onEpisode }: Omit<PlayOptions, "task" | "planGraph" | "shift">,
): EvaluationOptions {
  const moves = deployed && world.retarget !== undefined;
  return {
    episodes,
    seed,
    ...(deployed && { delay: DEPLOYED.delay }),
    ...(moves && { episodesPerReset: DEPLOYED.episodesPerReset }),
    ...(onEpisode && { onEpisode }),
  };
}

function requireSameActions(size: number, { task, actionSpace }: TrainingWorld, folder: string): void {
  const { length } = actionSpace.dimensions;
  if (size === length) return;
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected a model of ${length} action dimensions for ${task} but ${folder} has ${size}.`,
  );
}
