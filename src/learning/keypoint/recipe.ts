import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { mppi } from "../../planners/mppi.ts";
import { KeypointConfig, keypoint } from "../../world-models/keypoint.ts";
import type { KeypointPhase } from "./steps.ts";

/** Everything that decides what the keypoint system learns from the same seed: the manifest stores it. */
export const KeypointRecipe = z.strictObject({
  network: KeypointConfig,
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive() })
    .describe("what plan_short changes"),
  cameras: z.array(z.string()).min(1),
  randomEpisodes: z.int().positive().describe("episodes of random actions before anything is learned"),
  rounds: z.int().nonnegative().describe("times that the planner collects more"),
  episodesPerRound: z.int().nonnegative(),
  stepsPerRoundEpisode: z.int().positive().describe("shorter episodes show more goals"),
  policyShare: z.number().min(0).max(1).describe("part of every batch that the planner's own episodes make up"),
  explorationStd: z.number().nonnegative().describe("largest noise on the planner's actions while it collects"),
  interruptions: z
    .strictObject({ probability: z.number().min(0).max(1), longest: z.int().positive() })
    .describe("random actions in between, in steps"),
  maxDelay: z.number().min(0).max(1).describe("largest delay of a collected plan, in policy steps"),
  updates: z
    .strictObject({ representation: z.int(), dynamics: z.int(), decoder: z.int() })
    .describe("in all, over all rounds"),
  firstRoundShare: z.number().positive().max(1).describe("share of the updates before the first on-policy round"),
  learningRate: z.number().positive(),
  batch: z.strictObject({ representation: z.int(), dynamics: z.int(), decoder: z.int() }),
  horizon: z.int().positive().describe("steps that the dynamics are unrolled for in training"),
});
export type KeypointRecipe = z.infer<typeof KeypointRecipe>;

const COMMON = {
  network: keypoint.defaults,
  planner: {
    ...mppi.defaults,
    horizon: 8,
    iterations: 4,
    candidates: 128,
    elites: 16,
    discount: 1,
    temperature: 1,
    maxStd: 0.7,
  },
  shortPlanner: { iterations: 2, candidates: 64 },
  cameras: ["scene"],
  explorationStd: 0.6,
  interruptions: { probability: 0.12, longest: 4 },
  stepsPerRoundEpisode: 25,
  policyShare: 0.5,
  maxDelay: 0.6,
  learningRate: 1e-3,
  batch: { representation: 64, dynamics: 128, decoder: 32 },
  horizon: 5,
} satisfies Partial<KeypointRecipe>;

const RECIPES: Readonly<Record<string, KeypointRecipe>> = {
  reach: {
    ...COMMON,
    randomEpisodes: 180,
    rounds: 2,
    episodesPerRound: 120,
    updates: { representation: 8000, dynamics: 9000, decoder: 2000 },
    firstRoundShare: 0.4,
  },
  "arm-reach": {
    ...COMMON,
    network: { ...keypoint.defaults, embedding: 16 },
    randomEpisodes: 200,
    rounds: 3,
    episodesPerRound: 120,
    updates: { representation: 14000, dynamics: 20000, decoder: 4000 },
    firstRoundShare: 0.3,
  },
  // Five minutes: it moves towards the cube but does not learn to push it, and it hardly sees it.
  "arm-push": {
    ...COMMON,
    network: { ...keypoint.defaults, embedding: 24 },
    randomEpisodes: 100,
    rounds: 1,
    episodesPerRound: 200,
    updates: { representation: 6000, dynamics: 8000, decoder: 2500 },
    firstRoundShare: 0.45,
  },
};

/** @throws ERR_UNKNOWN_RECIPE if nobody has tried the system on this task */
export function recipeFor(task: string): KeypointRecipe {
  const recipe = RECIPES[task];
  if (recipe) return recipe;
  throw new LatentloopError(
    "ERR_UNKNOWN_RECIPE",
    `Expected a task that keypoint has a recipe for but received "${task}".`,
    {
      remedy: `Tasks: ${Object.keys(RECIPES).join(", ")}.`,
    },
  );
}

/** One stretch of the run: episodes, or updates of one kind. */
export type Turn =
  | { readonly kind: "collect"; readonly round: number; readonly episodes: number }
  | { readonly kind: KeypointPhase; readonly round: number; readonly updates: number };

/** The whole run in order. Collecting always comes first in a round. */
export function turnsOf(recipe: KeypointRecipe): Turn[] {
  const { rounds, randomEpisodes, episodesPerRound, firstRoundShare, updates } = recipe;
  return Array.from({ length: rounds + 1 }, (_, round) => {
    const share = rounds === 0 ? 1 : round === 0 ? firstRoundShare : (1 - firstRoundShare) / rounds;
    const turn = (kind: KeypointPhase): Turn => ({ kind, round, updates: Math.round(share * updates[kind]) });
    const episodes = round === 0 ? randomEpisodes : episodesPerRound;
    return [{ kind: "collect", round, episodes } as const, turn("representation"), turn("dynamics"), turn("decoder")];
  }).flat();
}

/** A run on recorded episodes: every kind of update once, nothing to collect. */
export function offlineTurnsOf({ updates }: Pick<KeypointRecipe, "updates">): Turn[] {
  const kinds = ["representation", "dynamics", "decoder"] as const satisfies readonly KeypointPhase[];
  return kinds.map((kind) => ({ kind, round: 0, updates: updates[kind] }));
}

/** The same recipe with so many environment steps, and updates in proportion. */
export function scaleRecipe(recipe: KeypointRecipe, steps: number, episodeSteps: number): KeypointRecipe {
  const { randomEpisodes, rounds, episodesPerRound, stepsPerRoundEpisode } = recipe;
  const factor = steps / (episodeSteps * randomEpisodes + rounds * episodesPerRound * stepsPerRoundEpisode);
  const scaled = (count: number) => Math.max(1, Math.round(count * factor));
  const { representation, dynamics, decoder } = recipe.updates;
  return {
    ...recipe,
    randomEpisodes: scaled(recipe.randomEpisodes),
    episodesPerRound: scaled(recipe.episodesPerRound),
    updates: { representation: scaled(representation), dynamics: scaled(dynamics), decoder: scaled(decoder) },
  };
}
