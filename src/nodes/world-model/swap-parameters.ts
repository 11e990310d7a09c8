import { z } from "zod";

const share = (description: string) => z.number().min(0).max(1).describe(description);
const seconds = (description: string) => z.number().positive().meta({ description, unit: "s", readOnly: true });

/** How surely the gate must limit more commands than before. */
const limitedTest = z.strictObject({
  falseAlarmRate: z
    .number()
    .gt(0)
    .lt(0.5)
    .default(0.01)
    .describe("Chance that a watch ends early although the share has grown by no more than `maxLimitedIncrease`."),
  blockSeconds: seconds("Commands of so long a time count as one, because they are limited together.").default(2),
  leastSeconds: seconds("Commands of so long a time are needed before the switch, and after it.").default(6),
  baselineSeconds: seconds("The commands before the switch count so far back.").default(60),
});

const fields = z.strictObject({
  models: z.string().default("").meta({
    description: "Models folder whose candidates may take over; without one no model is swapped.",
    readOnly: true,
  }),
  automatic: z
    .boolean()
    .default(false)
    .describe("Whether a candidate that passed the gates is adopted by itself, not only when `~/promote` is called."),
  shadowSeconds: z
    .number()
    .positive()
    .default(5)
    .meta({ description: "Time that a candidate runs beside the live model.", unit: "s" }),
  watchSeconds: z.number().positive().default(30).meta({
    description:
      "Time after the switch in which a worse model is rolled back by itself: what counts is how long the robot follows it. At least `limitedTest.leastSeconds`.",
    unit: "s",
  }),
  beliefObservations: z
    .int()
    .positive()
    .default(16)
    .meta({ description: "Observations that a candidate's belief is estimated from.", readOnly: true }),
  maxLateShare: share("Share of the policy steps that may be late.").default(0.1),
  maxSurprisedShare: share("Share of the plans that may be so surprised that the robot slows down.").default(0.2),
  maxActionChange: z
    .number()
    .positive()
    .default(0.6)
    .describe("Mean change of the first action of a plan against the live model's, for normalised actions."),
  maxLimitedIncrease: share("By how much the share of commands that the gate limits may grow.").default(0.2),
  limitedTest: limitedTest.prefault({}),
  maxRewardFall: z
    .number()
    .positive()
    .default(0.5)
    .describe("By which share of its size the mean reward of a step may fall, where episodes report rewards."),
});

/** How a model takes the live one's place while the robot works. */
export const swapParameters = fields.refine(
  ({ watchSeconds, limitedTest }) => watchSeconds >= limitedTest.leastSeconds,
  {
    path: ["watchSeconds"],
    error: "at least as long as limitedTest.leastSeconds: a shorter watch says nothing of the commands",
  },
);
export type SwapParameters = z.output<typeof swapParameters>;
