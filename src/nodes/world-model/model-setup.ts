import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { Rng } from "../../core/rng.ts";
import { surpriseWarnOf, translateSurprise } from "../../core/surprise.ts";
import type { LoadedBundle } from "../../inference/inference-engine.ts";
import { PROVIDERS } from "../../inference/placement.ts";
import type { ModelGraphs } from "./graph-port.ts";
import { PolicyStep } from "./policy-step.ts";

const durationNs = z.number().min(0).exactOptional();

/** With the bundle, all that decides what a model plans: plain data, so that a session's log can hold it. */
export const modelSetupSchema = z.strictObject({
  modelHash: z.string().describe("Hash of the bundle."),
  folder: z.string().describe("Where the bundle lay."),
  seed: z.int().describe("Seed of the planner's noise."),
  budgetShare: z.number().describe("Share of the policy period that a step may take."),
  surpriseLimit: z
    .number()
    .nullable()
    .describe("Surprise limit of the bundle that the nodes were configured with; plans state surprise in its unit."),
  surpriseWarn: z.number().exactOptional().describe("Its surprise warning."),
  watchScene: z.boolean().describe("Whether a strange scene adds to the surprise."),
  placements: z
    .record(z.string(), z.strictObject({ provider: z.enum(PROVIDERS), threads: z.int() }))
    .describe("Where each graph runs."),
  expectedNs: z
    .strictObject({ mpc: durationNs, "mpc-short": durationNs, "policy-prior": durationNs })
    .describe("How long each rung is expected to compute at first."),
});
export type ModelSetup = z.output<typeof modelSetupSchema>;

/** A step that knows nothing yet. */
export function makePolicyStep(
  { manifest, modelHash }: Pick<LoadedBundle, "manifest" | "modelHash">,
  { seed, budgetShare, surpriseLimit, surpriseWarn, watchScene, expectedNs }: ModelSetup,
  clock: Clock,
  graphs: ModelGraphs,
): PolicyStep {
  const own = manifest.surpriseLimit;
  const translate = (surprise: number) => translateSurprise(surprise, manifest, { surpriseLimit, surpriseWarn });
  return new PolicyStep({
    graphs,
    clock,
    rng: new Rng(seed),
    modelHash,
    stepPeriodNs: 1e9 / manifest.policyRateHz,
    actionDimension: manifest.action.dimensions.length,
    budgetShare,
    translateSurprise: translate,
    ...(watchScene &&
      manifest.scene &&
      own !== null && {
        scene: {
          ...manifest.scene,
          surpriseAtWarn: translate(surpriseWarnOf(manifest)),
          surpriseAtTwice: translate(own),
        },
      }),
    expectedNs,
  });
}
