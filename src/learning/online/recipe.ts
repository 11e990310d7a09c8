import { z } from "zod";
import { cosineDecay, type Schedule } from "../../graph/index.ts";

/** How a system takes turns between acting and learning. Environment steps are control steps of the task. */
export const OnlineRecipe = z.strictObject({
  steps: z.int().positive().describe("environment steps in all"),
  randomSteps: z.int().positive().describe("environment steps of random actions before anything is learned"),
  firstUpdates: z.int().nonnegative().describe("updates on the random episodes alone, before the model acts"),
  updatesPerStep: z.number().positive().describe("updates for every environment step after the random ones"),
  explorationStd: z
    .number()
    .nonnegative()
    .describe("normal noise on the actions while collecting, besides the policy's own"),
  evaluateEvery: z.int().positive().describe("environment steps between two evaluations"),
  refreshEvery: z
    .int()
    .positive()
    .optional()
    .describe(
      "decisions of an episode after which what they ask for is learned and acted by; by default whole episodes",
    ),
  goalsMove: z
    .boolean()
    .optional()
    .describe("false: every episode starts anew; by default every other one only moves the goal, where there is one"),
});
export type OnlineRecipe = z.infer<typeof OnlineRecipe>;

/** How a system that draws segments may mix them: random episodes are rarely near a goal. */
export const POLICY_SHARE = z
  .number()
  .min(0)
  .max(1)
  .optional()
  .describe("share of every batch from the policy's own episodes; without it every episode is as likely");

/** The same where a run begins with many random episodes: what is learned near goals comes from the policy's own. */
export const REACHING_POLICY_SHARE = 0.5;

/** The same recipe over so many environment steps: the share of random ones stays. */
export function withSteps(recipe: OnlineRecipe, steps: number): OnlineRecipe {
  const randomSteps = Math.min(recipe.randomSteps, Math.max(1, Math.round(steps / 2)));
  return { ...recipe, steps, randomSteps };
}

/** Sees about a fifth of an episode ahead. Source: the authors' code of arXiv:2310.16828. */
export function discountOf(episodeSteps: number): number {
  const fifth = episodeSteps / 5;
  return Math.min(0.995, Math.max(0.95, (fifth - 1) / fifth));
}

/** Updates that are to be made by the time so many environment steps are collected. */
export function updatesDue({ randomSteps, firstUpdates, updatesPerStep }: OnlineRecipe, steps: number): number {
  return steps < randomSteps ? 0 : firstUpdates + Math.floor((steps - randomSteps) * updatesPerStep);
}

/** Environment steps that so many updates are made for: the inverse of `updatesDue`. */
export function stepsWorth({ randomSteps, firstUpdates, updatesPerStep }: OnlineRecipe, updates: number): number {
  if (updates < firstUpdates) return (randomSteps * updates) / firstUpdates;
  return randomSteps + (updates - firstUpdates) / updatesPerStep;
}

/** What is left of a learning rate at the end of a run that anneals it. */
const FINAL_SHARE = 1 / 30;

/** Constant over the first half of a run's updates, then half a cosine down: the last half centimetre takes small steps. */
export function annealed(rate: number, recipe: OnlineRecipe, finalShare = FINAL_SHARE): Schedule {
  const half = Math.round(updatesDue(recipe, recipe.steps) / 2);
  const decay = cosineDecay(rate, rate * finalShare, half);
  return (update) => decay(Math.max(0, update - half));
}
