import { z } from "zod";

/**
 * Parts of a model that a fine-tuning run may leave exactly as they are: what makes latents of observations, what foretells them,
 * what says what is wanted (rewards, the end of an episode), policy and values, what paints latents.
 */
export const MODEL_PARTS = ["encoder", "dynamics", "heads", "behaviour", "decoder"] as const;
export type ModelPart = (typeof MODEL_PARTS)[number];

const share = (description: string) => z.number().min(0).max(1).describe(description);

/** What a fine-tuning run may choose: the rest is the live model's own. */
export const fineTuneSettings = z.strictObject({
  updates: z.int().positive().optional().describe("Updates in all, of every kind; by default the system's own number."),
  seconds: z
    .number()
    .positive()
    .optional()
    .meta({ description: "Time instead of updates: the result then depends on the machine.", unit: "s" }),
  learningRate: z.number().positive().default(0.5).describe("Factor on the rate that the model was trained with."),
  oldShare: share("Part of every batch that is old data, where what is seen is learned.").default(0.2),
  oldDynamicsShare: share(
    "The same where it is learned what actions do: a robot at work shows few of the actions that a planner considers.",
  ).default(0.7),
  freeze: z
    .array(z.enum(MODEL_PARTS))
    .default(["heads"])
    .describe("Parts of the model that stay as they are: what is wanted is the same in the changed world."),
  anchor: z
    .number()
    .min(0)
    .default(0)
    .describe("Factor on the squared distance of the weights from the live model's; 0 lets them go."),
});
export type FineTuneSettings = z.output<typeof fineTuneSettings>;
