import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { cem } from "../../planners/cem.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { VaeAgentConfig, vaeAgent } from "../../world-models/vae-agent.ts";
import type { ObservationKind } from "../learner.ts";
import { OnlineRecipe, POLICY_SHARE, withSteps } from "../online/recipe.ts";

/** The numbers of the VAE agent's losses and update. */
export const VaeAgentLearning = z.strictObject({
  batch: z.int().positive().describe("segments of episodes in an update"),
  painted: z.int().positive().describe("segments of these whose image is painted too: that costs more than all else"),
  horizon: z.int().positive().describe("steps that the dynamics are unrolled for"),
  learningRate: z.number().positive().describe("over the first half; then half a cosine down to a thirtieth"),
  gradientNorm: z.number().positive(),
  beta: z.number().nonnegative().describe("weight of the codes' divergence from the prior, beside the pixels' error"),
  boundWeight: z.number().nonnegative().describe("weight of the evidence bound beside the other losses"),
  rewardWeight: z.number().nonnegative(),
  rewardGradient: z.boolean().describe("whether the reward teaches the encoder"),
  consistencyWeight: z.number().nonnegative().describe("weight of the imagined embeddings' error"),
  salience: z.number().nonnegative().describe("how much more a pixel counts that differs from the mean image"),
});
export type VaeAgentLearning = z.infer<typeof VaeAgentLearning>;

/** Everything that decides what the VAE agent learns from the same seed: the manifest stores it. */
export const VaeAgentRecipe = z.strictObject({
  network: VaeAgentConfig,
  method: z.enum(["cem", "random-shooting"]),
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive() })
    .describe("what plan_short changes"),
  learning: VaeAgentLearning,
  online: OnlineRecipe,
  policyShare: POLICY_SHARE,
});
export type VaeAgentRecipe = z.infer<typeof VaeAgentRecipe>;

const REACHING: OnlineRecipe = {
  steps: 20_000,
  randomSteps: 15_000,
  firstUpdates: 3000,
  updatesPerStep: 1,
  explorationStd: 0.3,
  evaluateEvery: 2500,
};
const TASKS: Readonly<Record<string, OnlineRecipe>> = {
  reach: REACHING,
  "arm-reach": { ...REACHING, steps: 26_000, randomSteps: 18_000, firstUpdates: 4000 },
};

const LEARNING: VaeAgentLearning = {
  batch: 64,
  painted: 16,
  horizon: 3,
  learningRate: 1e-3,
  gradientNorm: 10,
  beta: 1,
  boundWeight: 0.002,
  rewardWeight: 1,
  rewardGradient: true,
  consistencyWeight: 20,
  salience: 20,
};

/** @throws ERR_UNKNOWN_RECIPE if nobody has tried the system on this task, or watched it so */
export function requireRecipe(task: string, observation: ObservationKind | undefined): void {
  onlineRecipe(task);
  if (observation !== "state") return;
  throw new LatentloopError("ERR_UNKNOWN_RECIPE", `Expected a camera for vae-agent on ${task} but received "state".`, {
    remedy: "Known: both, pixels.",
  });
}

/** @throws ERR_UNKNOWN_RECIPE */
export function recipeFor(task: string, steps?: number): VaeAgentRecipe {
  const online = onlineRecipe(task);
  return {
    network: vaeAgent.defaults,
    method: "cem",
    planner: { ...cem.defaults, horizon: 8, iterations: 4, candidates: 128, elites: 16, minStd: 0.05 },
    shortPlanner: { iterations: 2, candidates: 64 },
    learning: LEARNING,
    online: steps === undefined ? online : withSteps(online, steps),
    policyShare: 0.5,
  };
}

function onlineRecipe(task: string): OnlineRecipe {
  const recipe = TASKS[task];
  if (recipe) return recipe;
  throw new LatentloopError(
    "ERR_UNKNOWN_RECIPE",
    `Expected a task that vae-agent has a recipe for but received "${task}".`,
    { remedy: `Tasks: ${Object.keys(TASKS).join(", ")}.` },
  );
}
