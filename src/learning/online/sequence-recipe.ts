import { z } from "zod";
import { OnlineRecipe, POLICY_SHARE } from "./recipe.ts";

/** Sequences of episodes of hundreds of steps: a memory that is only trained over a few is a strange one after those. */
export const LONG_EPISODE_SEQUENCE = { length: 16, batch: 16, ahead: 0 };

/** What the recipes of systems with a recurrent state that learn from sequences have in common. */
export const SequenceRecipe = z.strictObject({
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
  rewardScale: z.number().positive(),
  proprioceptionScale: z.number().positive(),
  frameScale: z
    .number()
    .nonnegative()
    .describe("weight of the squared error of the reward read off single frames, beside the states'"),
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
  online: OnlineRecipe,
  policyShare: POLICY_SHARE,
});
