import { z } from "zod";
import type { Schedule } from "../../graph/index.ts";
import { cem } from "../../planners/cem.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { PLANET_SIZES, PlanetConfig, type PlanetSize } from "../../world-models/planet.ts";
import { annealed, type OnlineRecipe, REACHING_POLICY_SHARE } from "../online/recipe.ts";
import { LONG_EPISODE_SEQUENCE, SequenceRecipe } from "../online/sequence-recipe.ts";

/** Everything that decides what PlaNet learns from the same seed: the manifest stores it. */
export const PlanetRecipe = z.strictObject({
  ...SequenceRecipe.shape,
  network: PlanetConfig,
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive(), elites: z.int().positive() })
    .describe("what plan_short changes"),
  overshooting: z
    .int()
    .positive()
    .describe("steps over which the prior is compared with what was seen; 1: no overshooting"),
  posteriorPull: z.number().min(0).max(1).describe("share of the divergence's gradient that reaches the posterior"),
  epsilon: z.number().positive().describe("of Adam"),
  maxGradientNorm: z.number().positive(),
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
} satisfies Partial<PlanetRecipe>;

/** How long tasks are played that begin with many random episodes, few of which come near a goal. */
const REACHING: Readonly<Record<string, OnlineRecipe>> = {
  reach: {
    steps: 20_000,
    randomSteps: 15_000,
    firstUpdates: 2500,
    updatesPerStep: 0.6,
    explorationStd: 0.3,
    evaluateEvery: 2500,
  },
  "arm-reach": {
    steps: 26_000,
    randomSteps: 18_000,
    firstUpdates: 4000,
    updatesPerStep: 1,
    explorationStd: 0.3,
    evaluateEvery: 4000,
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
  goalsMove: false,
};

/** One update per decision of the control suite: a batch is a tenth of the published one. */
const CPU_UPDATES_PER_STEP = 0.5;

export function planetRecipe(task: string, size: PlanetSize = "cpu"): PlanetRecipe {
  const network = PLANET_SIZES[size];
  const reaching = REACHING[task];
  if (size !== "cpu") return { ...PUBLISHED, network, online: reaching ?? OTHERWISE };
  if (reaching) return { ...CPU, network, policyShare: REACHING_POLICY_SHARE, online: reaching };
  const online = { ...OTHERWISE, updatesPerStep: CPU_UPDATES_PER_STEP };
  return { ...CPU, sequence: LONG_EPISODE_SEQUENCE, network, online };
}

/** The learning rate over a whole run. */
export function scheduleOf({ learningRate, finalRateShare, online }: PlanetRecipe): Schedule {
  return annealed(learningRate, online, finalRateShare);
}
