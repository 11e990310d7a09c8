import type { Plan } from "../../src/core/plan.ts";

/** A plan of these steps, [horizon][action], a tenth of a second each; in all else as plain as can be. */
export function plainPlan(steps: readonly (readonly number[])[], changes: Partial<Plan> = {}): Plan {
  return {
    id: 1,
    actions: Float32Array.from(steps.flat()),
    horizon: steps.length,
    actionDimension: steps[0]!.length,
    startNs: 0,
    stepPeriodNs: 1e8,
    observationStampNs: 0n,
    observationArrivalNs: 0,
    modelHash: "",
    rung: "mpc",
    value: 0,
    surprise: 0,
    delayNs: 0,
    computeNs: 0,
    ...changes,
  };
}
