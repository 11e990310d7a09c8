import type { Plan } from "../../core/plan.ts";
import type { ExecutedActions } from "./executed-actions.ts";

/**
 * Mean action over [fromNs, toNs]: what was executed up to the newest command, what the plan holds from there on.
 *
 * A model rolls its latent forward by it from the capture of an observation to the start of the plan being made.
 * Without a plan the robot is taken to rest. Shapes: out [A]. Timing: allocates nothing beyond `scratch`, also [A].
 */
export function meanActionInFlight(
  executed: ExecutedActions,
  plan: Pick<Plan, "actions" | "horizon" | "startNs" | "stepPeriodNs"> | undefined,
  fromNs: number,
  toNs: number,
  out: Float32Array,
  scratch: Float32Array,
): void {
  executed.meanInto(fromNs, toNs, out);
  if (plan === undefined || !(toNs > fromNs)) return;
  const decidedFromNs = Math.max(fromNs, executed.heldUntilNs);
  if (decidedFromNs >= toNs) return;
  const decidedShare = (toNs - decidedFromNs) / (toNs - fromNs);
  executed.meanInto(fromNs, decidedFromNs, out);
  meanPlanned(plan, decidedFromNs, toNs, scratch);
  for (let i = 0; i < out.length; i++) out[i] = out[i]! + decidedShare * (scratch[i]! - out[i]!);
}

/** Steps weighted by the time they overlap with the interval; the first and the last one extend beyond the plan. */
function meanPlanned(
  { actions, horizon, startNs, stepPeriodNs }: Pick<Plan, "actions" | "horizon" | "startNs" | "stepPeriodNs">,
  fromNs: number,
  toNs: number,
  out: Float32Array,
): void {
  const from = (fromNs - startNs) / stepPeriodNs;
  const to = (toNs - startNs) / stepPeriodNs;
  out.fill(0);
  for (let k = 0; k < horizon; k++) {
    const begins = k === 0 ? Number.NEGATIVE_INFINITY : k;
    const ends = k === horizon - 1 ? Number.POSITIVE_INFINITY : k + 1;
    const share = (Math.min(to, ends) - Math.max(from, begins)) / (to - from);
    if (share <= 0) continue;
    for (let i = 0; i < out.length; i++) out[i] = out[i]! + share * actions[k * out.length + i]!;
  }
}
