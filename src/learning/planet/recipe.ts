import { z } from "zod";
import { cem } from "../../planners/cem.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { PLANET_SIZES, PlanetConfig, type PlanetSize } from "../../world-models/planet.ts";
import { OnlineRecipe } from "../online/recipe.ts";

/** Everything that decides what PlaNet learns from the same seed: the manifest stores it. */
export const PlanetRecipe = z.strictObject({
  network: PlanetConfig,
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive(), elites: z.int().positive() })
    .describe("what plan_short changes"),
  sequence: z.strictObject({ length: z.int().min(2), batch: z.int().positive() }).describe("frames of one update"),
  freeNats: z.number().nonnegative(),
  overshooting: z
    .int()
    .positive()
    .describe("steps over which the prior is compared with what was seen; 1: no overshooting"),
  posteriorPull: z.number().min(0).max(1).describe("share of the divergence's gradient that reaches the posterior"),
  rewardScale: z.number().positive(),
  imageScale: z.number().positive().describe("weight of the image loss"),
  decodeEvery: z.int().positive(),
  salience: z.number().nonnegative(),
  learningRate: z.number().positive(),
  epsilon: z.number().positive().describe("of Adam"),
  maxGradientNorm: z.number().positive(),
  online: OnlineRecipe,
});
export type PlanetRecipe = z.infer<typeof PlanetRecipe>;

const PUBLISHED = {
  planner: cem.defaults,
  shortPlanner: { iterations: 5, candidates: 500, elites: 50 },
  sequence: { length: 50, batch: 50 },
  freeNats: 3,
  overshooting: 12, // up to the planner's horizon
  posteriorPull: 1,
  rewardScale: 10,
  imageScale: 1,
  decodeEvery: 1,
  salience: 0,
  learningRate: 1e-3,
  epsilon: 1e-4,
  maxGradientNorm: 1000,
} satisfies Partial<PlanetRecipe>;

/** What a CPU core needs otherwise: fewer frames an update, fewer of them painted, and a smaller search. */
const CPU = {
  ...PUBLISHED,
  planner: { ...cem.defaults, horizon: 8, iterations: 4, candidates: 128, elites: 16 },
  shortPlanner: { iterations: 2, candidates: 64, elites: 8 },
  sequence: { length: 8, batch: 16 },
  freeNats: 0.2,
  posteriorPull: 0.02,
  overshooting: 4,
  epsilon: 1e-8,
  imageScale: 0.02,
  decodeEvery: 8,
  salience: 20,
} satisfies Partial<PlanetRecipe>;

/** How long tasks are played: all else is one configuration. */
const ONLINE: Readonly<Record<string, OnlineRecipe>> = {
  reach: {
    steps: 14_000,
    randomSteps: 7_000,
    firstUpdates: 4000,
    updatesPerStep: 0.6,
    explorationStd: 0.3,
    evaluateEvery: 1750,
  },
};
/** As published: five random episodes, then a hundred updates for every episode of a thousand control steps. */
const OTHERWISE: OnlineRecipe = {
  steps: 1_000_000,
  randomSteps: 5_000,
  firstUpdates: 100,
  updatesPerStep: 0.1,
  explorationStd: 0.3,
  evaluateEvery: 10_000,
};

export function planetRecipe(task: string, size: PlanetSize = "cpu"): PlanetRecipe {
  return { ...(size === "cpu" ? CPU : PUBLISHED), network: PLANET_SIZES[size], online: ONLINE[task] ?? OTHERWISE };
}
