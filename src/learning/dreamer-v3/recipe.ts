import { z } from "zod";
import { type Schedule, warmUp } from "../../graph/index.ts";
import { DREAMER_V3_SIZES, DreamerConfig, type DreamerV3Size } from "../../world-models/dreamer.ts";
import { annealed, discountOf, type OnlineRecipe, REACHING_POLICY_SHARE } from "../online/recipe.ts";
import { LONG_EPISODE_SEQUENCE, SequenceRecipe } from "../online/sequence-recipe.ts";

/** Everything that decides what DreamerV3 learns from the same seed: the manifest stores it. */
export const DreamerV3Recipe = z.strictObject({
  ...SequenceRecipe.shape,
  network: DreamerConfig,
  imagination: z.strictObject({
    horizon: z.int().positive().describe("steps imagined from every start"),
    starts: z.int().min(2).describe("last steps of each sequence that imagination starts from"),
  }),
  representationScale: z.number().nonnegative(),
  overshooting: z.int().positive().describe("steps that the predictions of aheadScale reach"),
  discount: z.number().positive().max(1),
  lambda: z.number().min(0).max(1),
  entropyScale: z.number().nonnegative(),
  actorGradient: z.enum(["reinforce", "dynamics"]).describe("how the actor learns from imagined returns"),
  slowScale: z.number().nonnegative().describe("weight of the critic's pull towards its slow copy"),
  slowRate: z.number().positive().max(1).describe("share of the critic in its slow copy at every update"),
  returnRate: z.number().positive().max(1).describe("share of the newest percentiles in the running ones"),
  replayValueScale: z.number().nonnegative(),
  optimizer: z
    .enum(["laprop", "adam"])
    .describe("LaProp behind adaptive clipping, or Adam behind a bound on the norm of all gradients"),
  warmUp: z.int().nonnegative().describe("updates over which the learning rate rises"),
  clipShare: z.number().positive().describe("largest gradient norm relative to the tensor's own"),
});
export type DreamerV3Recipe = z.infer<typeof DreamerV3Recipe>;

/** One configuration for all tasks, with the published numbers. */
const PUBLISHED = {
  sequence: { length: 64, batch: 16, ahead: 0 },
  imagination: { horizon: 15, starts: 64 },
  freeNats: 1,
  expectFirst: true,
  representationScale: 0.1,
  proprioceptionScale: 1,
  rewardScale: 1,
  frameScale: 0,
  aheadScale: 0,
  overshooting: 1,
  imageScale: 1,
  decodeEvery: 1,
  salience: 0,
  discount: 1 - 1 / 333,
  lambda: 0.95,
  entropyScale: 3e-4,
  actorGradient: "reinforce",
  slowScale: 1,
  slowRate: 0.02,
  returnRate: 0.01,
  replayValueScale: 0.3,
  learningRate: 4e-5,
  optimizer: "laprop",
  warmUp: 1000,
  finalRateShare: 1,
  clipShare: 0.3,
} satisfies Partial<DreamerV3Recipe>;

/** What a CPU core needs otherwise: short sequences of many episodes, few of them painted, and larger steps. */
const CPU = {
  ...PUBLISHED,
  sequence: { length: 2, batch: 32, ahead: 8 },
  imagination: { horizon: 8, starts: 2 },
  freeNats: 0.2,
  expectFirst: false,
  representationScale: 0.02,
  proprioceptionScale: 5,
  rewardScale: 100,
  frameScale: 50,
  aheadScale: 1,
  overshooting: 8,
  imageScale: 0.05,
  decodeEvery: 2,
  painted: 8,
  salience: 20,
  actorGradient: "dynamics",
  learningRate: 3e-3,
  optimizer: "adam",
  warmUp: 100,
  finalRateShare: 0.03,
} satisfies Partial<DreamerV3Recipe>;

/** How long tasks are played that begin with many random episodes, few of which come near a goal. */
const REACHING: Readonly<Record<string, OnlineRecipe>> = {
  reach: {
    steps: 20_000,
    randomSteps: 15_000,
    firstUpdates: 4000,
    updatesPerStep: 1,
    explorationStd: 0.3,
    evaluateEvery: 2500,
  },
  "arm-reach": {
    steps: 26_000,
    randomSteps: 18_000,
    firstUpdates: 5000,
    updatesPerStep: 1.2,
    explorationStd: 0.3,
    evaluateEvery: 4000,
  },
};
const OTHERWISE: OnlineRecipe = {
  steps: 100_000,
  randomSteps: 2_000,
  firstUpdates: 500,
  updatesPerStep: 0.5,
  explorationStd: 0,
  evaluateEvery: 5_000,
  goalsMove: false,
};

/**
 * Noise on collected actions. An actor that learns by gradients through the dynamics has no use for a spread of its own: it
 * falls to its least within 300 updates.
 *
 * Source: Hafner et al. 2019, arXiv:1912.01603, section 6.
 */
const CPU_EXPLORATION = 0.3;

const LONG_EPISODES = {
  sequence: LONG_EPISODE_SEQUENCE,
  imagination: { horizon: 8, starts: 8 },
} satisfies Partial<DreamerV3Recipe>;

/** @param episodeSteps decisions of an episode: the CPU size looks no further ahead than they ask for */
export function dreamerV3Recipe(task: string, episodeSteps: number, size: DreamerV3Size = "cpu"): DreamerV3Recipe {
  const network = DREAMER_V3_SIZES[size];
  const reaching = REACHING[task];
  if (size !== "cpu") return { ...PUBLISHED, network, online: reaching ?? OTHERWISE };
  const cpu = { ...CPU, discount: discountOf(episodeSteps), network };
  if (reaching) return { ...cpu, policyShare: REACHING_POLICY_SHARE, online: reaching };
  return { ...cpu, ...LONG_EPISODES, online: { ...OTHERWISE, explorationStd: CPU_EXPLORATION } };
}

/** The learning rate over a whole run. */
export function scheduleOf({ learningRate, finalRateShare, warmUp: rise, online }: DreamerV3Recipe): Schedule {
  return warmUp(rise, annealed(learningRate, online, finalRateShare));
}
