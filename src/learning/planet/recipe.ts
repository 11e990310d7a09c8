import { z } from "zod";
import { cosineDecay, type Schedule } from "../../graph/index.ts";
import { cem } from "../../planners/cem.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { PLANET_SIZES, PlanetConfig, type PlanetSize } from "../../world-models/planet.ts";
import { OnlineRecipe, POLICY_SHARE, updatesDue } from "../online/recipe.ts";

/** Everything that decides what PlaNet learns from the same seed: the manifest stores it. */
export const PlanetRecipe = z.strictObject({
  network: PlanetConfig,
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive(), elites: z.int().positive() })
    .describe("what plan_short changes"),
  sequence: z
    .strictObject({
      length: z.int().min(2),
      batch: z.int().positive(),
      ahead: z.int().nonnegative().describe("frames after those without their images, for predictions alone"),
    })
    .describe("frames of one update"),
  freeNats: z.number().nonnegative(),
  expectFirst: z
    .boolean()
    .describe("whether the first frame of a sequence, before which nothing is known, counts as expected"),
  overshooting: z
    .int()
    .positive()
    .describe("steps over which the prior is compared with what was seen; 1: no overshooting"),
  posteriorPull: z.number().min(0).max(1).describe("share of the divergence's gradient that reaches the posterior"),
  rewardScale: z.number().positive(),
  proprioceptionScale: z.number().positive(),
  frameScale: z.number().nonnegative().describe("weight of the reward read off single frames, beside the states'"),
  aheadScale: z
    .number()
    .nonnegative()
    .describe("weight of rewards and proprioception predicted over several steps, beside those of the posterior"),
  imageScale: z.number().positive().describe("weight of the image loss"),
  decodeEvery: z.int().positive(),
  painted: z
    .int()
    .positive()
    .optional()
    .describe("sequences of a batch whose images are reconstructed, by default all"),
  salience: z.number().nonnegative(),
  learningRate: z.number().positive(),
  finalRateShare: z
    .number()
    .positive()
    .max(1)
    .describe("share of it that half a cosine over the second half of all updates leaves"),
  epsilon: z.number().positive().describe("of Adam"),
  maxGradientNorm: z.number().positive(),
  online: OnlineRecipe,
  policyShare: POLICY_SHARE,
});
export type PlanetRecipe = z.infer<typeof PlanetRecipe>;

const PUBLISHED = {
  planner: cem.defaults,
  shortPlanner: { iterations: 5, candidates: 500, elites: 50 },
  sequence: { length: 50, batch: 50, ahead: 0 },
  freeNats: 3,
  expectFirst: true,
  overshooting: 12, // up to the planner's horizon
  posteriorPull: 1,
  rewardScale: 10,
  proprioceptionScale: 1,
  frameScale: 0,
  aheadScale: 0,
  imageScale: 1,
  decodeEvery: 1,
  salience: 0,
  learningRate: 1e-3,
  finalRateShare: 1,
  epsilon: 1e-4,
  maxGradientNorm: 1000,
} satisfies Partial<PlanetRecipe>;

/** What a CPU core needs otherwise: short sequences of many episodes, few of them painted, and a smaller search. */
const CPU = {
  ...PUBLISHED,
  planner: { ...cem.defaults, horizon: 8, iterations: 4, candidates: 128, elites: 16 },
  shortPlanner: { iterations: 2, candidates: 64, elites: 8 },
  sequence: { length: 2, batch: 32, ahead: 8 },
  freeNats: 0.2,
  expectFirst: false,
  posteriorPull: 0.02,
  overshooting: 8,
  rewardScale: 100,
  proprioceptionScale: 10,
  frameScale: 1,
  aheadScale: 1,
  learningRate: 3e-3,
  finalRateShare: 0.03,
  epsilon: 1e-8,
  imageScale: 0.1,
  decodeEvery: 2,
  painted: 8,
  salience: 20,
  policyShare: 0.5,
} satisfies Partial<PlanetRecipe>;

/** How long tasks are played: all else is one configuration. */
const ONLINE: Readonly<Record<string, OnlineRecipe>> = {
  reach: {
    steps: 20_000,
    randomSteps: 15_000,
    firstUpdates: 2500,
    updatesPerStep: 0.6,
    explorationStd: 0.3,
    evaluateEvery: 2500,
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

/** The learning rate over a whole run. */
export function scheduleOf({ learningRate, finalRateShare, online }: PlanetRecipe): Schedule {
  const half = Math.round(updatesDue(online, online.steps) / 2);
  const decay = cosineDecay(learningRate, learningRate * finalRateShare, half);
  return (update) => decay(Math.max(0, update - half));
}
