import type { Plan } from "../../core/plan.ts";
import { type ControlStatus, FOLLOWS_PLAN, type HaltCause, LIMIT_BITS } from "../../core/status.ts";
import { atMost, type Finding, nothingToMeasure, type Verdict } from "../../learning/gates/gate.ts";
import { Samples } from "../../math/samples.ts";
import { leastIncrease } from "../../math/share-increase.ts";
import type { LimitedShare } from "./limited-share.ts";
import type { SwapParameters } from "./swap-parameters.ts";

/** What is counted over one phase of a swap. */
export class SwapFigures {
  readonly computeMs = new Samples();
  readonly actionChange = new Samples();
  plans = 0;
  late = 0;
  surprised = 0;
  rewards = 0;
  rewardSum = 0;
  failures = 0;
  halt: HaltCause = "none";
  /** Ticks on which the robot followed a plan. */
  followedTicks = 0;
  /** Of the model that acts, also from before the phase. */
  readonly limited: LimitedShare;
  readonly #surpriseWarn: number;

  /** @param surpriseWarn in the unit of the plans; Infinity where the model is not calibrated */
  constructor(surpriseWarn: number, limited: LimitedShare) {
    this.#surpriseWarn = surpriseWarn;
    this.limited = limited;
  }

  addPlan(plan: Plan | undefined): void {
    if (plan === undefined) {
      this.late++;
      return;
    }
    this.plans++;
    this.computeMs.add(plan.computeNs / 1e6);
    if (!(plan.surprise <= this.#surpriseWarn)) this.surprised++;
  }

  /** Mean difference of the first actions of two plans from one observation. */
  addChange(plan: Plan, inForce: Plan): void {
    for (let i = 0; i < plan.actionDimension; i++) {
      this.actionChange.add(Math.abs(plan.actions[i]! - inForce.actions[i]!));
    }
  }

  addTick(status: ControlStatus, limitBits: number, haltCause: HaltCause): void {
    if (FOLLOWS_PLAN.includes(status)) {
      this.followedTicks++;
      this.limited.add((limitBits & MODEL_LIMITS) !== 0);
    }
    if (BLAMES_MODEL.includes(haltCause)) this.halt = haltCause;
  }

  addReward(reward: number): void {
    if (!Number.isFinite(reward)) return;
    this.rewards++;
    this.rewardSum += reward;
  }

  get steps(): number {
    return this.plans + this.late;
  }
}

/** What a plan can bring about; a soft start is not the model's doing. */
const MODEL_LIMITS =
  LIMIT_BITS.position | LIMIT_BITS.velocity | LIMIT_BITS.acceleration | LIMIT_BITS.workspace | LIMIT_BITS.finite;
const BLAMES_MODEL: readonly HaltCause[] = ["surprise", "plan-stale", "plan-invalid", "tracking-error"];

/** Fewer than this say nothing. */
const ENOUGH = { steps: 5, rewards: 20 };

type Limits = Pick<
  SwapParameters,
  | "watchSeconds"
  | "maxLateShare"
  | "maxSurprisedShare"
  | "maxActionChange"
  | "maxLimitedIncrease"
  | "limitedTest"
  | "maxRewardFall"
>;

/** What a shadow run says about a candidate. @param live the live model over the same time */
export function judgeShadow(shadow: SwapFigures, live: SwapFigures, limits: Limits): Verdict[] {
  const missed = Math.max(0, live.steps - shadow.steps) + shadow.late;
  return [
    { gate: "shadow-failures", ...atMost(shadow.failures, 0, "failures", "of its graphs") },
    { gate: "shadow-steps", ...enough(live.steps, ENOUGH.steps, "steps of the live model") },
    {
      gate: "shadow-late",
      ...atMost(
        missed / Math.max(1, live.steps),
        limits.maxLateShare,
        "share",
        `late or left out; ${computeOf(shadow)}`,
      ),
    },
    { gate: "shadow-surprise", ...surpriseOf(shadow, limits) },
    {
      gate: "shadow-action-change",
      ...atMost(
        shadow.actionChange.mean,
        limits.maxActionChange,
        "normalised action",
        `p95 ${shadow.actionChange.percentile(0.95).toFixed(3)}`,
      ),
    },
  ];
}

/** What the time since a switch says about the model that acts now. @param before the model before it, over its last seconds */
export function judgeWatch(now: SwapFigures, before: SwapFigures, limits: Limits): Verdict[] {
  return [
    { gate: "watch-failures", ...atMost(now.failures, 0, "failures", "of its graphs") },
    { gate: "watch-halt", ...atMost(now.halt === "none" ? 0 : 1, 0, "halts", now.halt) },
    {
      gate: "watch-late",
      ...(now.steps < ENOUGH.steps
        ? nothingToMeasure("share", "too few steps")
        : atMost(now.late / now.steps, limits.maxLateShare, "share", computeOf(now))),
    },
    { gate: "watch-surprise", ...surpriseOf(now, limits) },
    { gate: "watch-limits", ...limitedOf(now, before, limits) },
    { gate: "watch-reward", ...rewardOf(now, before, limits) },
  ];
}

function surpriseOf({ plans, surprised }: SwapFigures, { maxSurprisedShare }: Limits): Finding {
  if (plans < ENOUGH.steps) return nothingToMeasure("share", "too few plans");
  return atMost(surprised / plans, maxSurprisedShare, "share", `${surprised} of ${plans} plans`);
}

/** The watch looks again after every block: the rate of false alarms is shared out among the looks. */
function limitedOf(
  { limited: now }: SwapFigures,
  { limited: before }: SwapFigures,
  { watchSeconds, maxLimitedIncrease, limitedTest }: Limits,
): Finding {
  const { falseAlarmRate, blockSeconds, leastSeconds } = limitedTest;
  const least = Math.ceil(leastSeconds / blockSeconds);
  if (Math.min(now.blocks.length, before.blocks.length) < least) return nothingToMeasure("share", "too few commands");
  const looks = Math.max(1, Math.floor(watchSeconds / blockSeconds) - least + 1);
  const increase = leastIncrease(before.blocks, now.blocks, falseAlarmRate / looks);
  const said = ({ mean, blocks }: LimitedShare) =>
    `${mean.toFixed(3)} in ${(blocks.length * blockSeconds).toFixed(0)} s`;
  return atMost(increase, maxLimitedIncrease, "share", `more at least: ${said(before)} before, ${said(now)} now`);
}

function rewardOf(now: SwapFigures, before: SwapFigures, { maxRewardFall }: Limits): Finding {
  if (Math.min(now.rewards, before.rewards) < ENOUGH.rewards) return nothingToMeasure("reward", "too few rewards");
  const usual = before.rewardSum / before.rewards;
  const mean = now.rewardSum / now.rewards;
  return atMost(
    usual - mean,
    maxRewardFall * Math.abs(usual),
    "reward",
    `fell from ${usual.toFixed(3)} to ${mean.toFixed(3)}`,
  );
}

function enough(count: number, least: number, note: string): Finding {
  return { passed: count >= least, figure: count, limit: null, unit: "steps", note: `${note}, at least ${least}` };
}

function computeOf({ computeMs }: SwapFigures): string {
  return computeMs.count === 0 ? "no plan" : `p99 ${computeMs.percentile(0.99).toFixed(1)} ms`;
}
