import { RUNGS } from "../../core/plan.ts";
import { CONTROL_STATUS, type ControlStatus, LIMIT_BITS, type LimitName } from "../../core/status.ts";
import { Samples } from "../../math/samples.ts";
import {
  EPISODE_KIND,
  type EpisodeEvent,
  nsFromTime,
  type PlanMessage,
  type TickMessage,
} from "../../messages/index.ts";

export interface EpisodeResult {
  readonly episode: number;
  readonly steps: number;
  readonly return: number;
  readonly success: boolean;
}

const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
/** The running rates look back this far. */
const RATE_WINDOW_NS = 2e9;

/** Figures of a running loop, from the messages that it publishes about itself. */
export class LoopMeasurements {
  readonly latenessUs = new Samples();
  readonly cameraToCommandMs = new Samples();
  readonly planMs = new Samples();
  readonly episodes: EpisodeResult[] = [];
  readonly limits: Record<LimitName, number> = {
    position: 0,
    velocity: 0,
    acceleration: 0,
    workspace: 0,
    finite: 0,
    softStart: 0,
    lead: 0,
  };
  readonly rungs: Record<string, number> = {};
  ticks = 0;
  /** Deadlines at which no tick ran, by the gaps between those that did. */
  missedTicks = 0;
  status: ControlStatus = "disarmed";
  current = { episode: -1, step: 0, return: 0, reward: 0 };
  surprise = 0;
  readonly #periodNs: number;
  readonly #planComputeMs = new Map<bigint, number>();
  readonly #recentTicks: number[] = [];
  readonly #recentPlans: number[] = [];
  #lastDeadlineNs = Number.NaN;
  #lastPlanId = 0n;

  constructor(commandRateHz: number) {
    this.#periodNs = 1e9 / commandRateHz;
  }

  onPlan(plan: PlanMessage): void {
    const rung = RUNGS[plan.rung]!;
    this.rungs[rung] = (this.rungs[rung] ?? 0) + 1;
    this.surprise = plan.surprise;
    this.#planComputeMs.set(plan.plan_id, plan.compute_ns / 1e6);
    this.#planComputeMs.delete(plan.plan_id - 64n);
    remember(this.#recentPlans, plan.start_monotonic_ns);
  }

  onTick(tick: TickMessage): void {
    this.ticks++;
    this.status = STATUSES[tick.status]!;
    this.latenessUs.add((tick.begin_ns - tick.deadline_ns) / 1e3);
    if (tick.deadline_ns > this.#lastDeadlineNs) {
      this.missedTicks += Math.round((tick.deadline_ns - this.#lastDeadlineNs) / this.#periodNs) - 1;
    }
    this.#lastDeadlineNs = tick.deadline_ns;
    for (const name of Object.keys(LIMIT_BITS) as LimitName[])
      if (tick.limit_bits & LIMIT_BITS[name]) this.limits[name]++;
    remember(this.#recentTicks, tick.deadline_ns);
    if (tick.plan_id === this.#lastPlanId || tick.plan_id === 0n) return;
    this.#lastPlanId = tick.plan_id;
    // The first command of a new plan: from the light on the sensor to the command past the gate, on one clock.
    const latencyMs = Number(nsFromTime(tick.header.stamp) - nsFromTime(tick.observation_stamp)) / 1e6;
    this.cameraToCommandMs.add(latencyMs);
    const planMs = this.#planComputeMs.get(tick.plan_id);
    if (planMs !== undefined) this.planMs.add(planMs);
  }

  onEpisode(event: EpisodeEvent): void {
    if (event.kind === EPISODE_KIND.begin) {
      this.current = { episode: event.episode, step: 0, return: 0, reward: 0 };
      return;
    }
    const total = this.current.return + event.reward;
    this.current = { episode: event.episode, step: event.step, return: total, reward: event.reward };
    if (event.kind !== EPISODE_KIND.end) return;
    this.episodes.push({ episode: event.episode, steps: event.step, return: total, success: event.success });
  }

  get commandRateHz(): number {
    return rateHz(this.#recentTicks);
  }

  get policyRateHz(): number {
    return rateHz(this.#recentPlans);
  }

  get meanReturn(): number {
    return this.episodes.reduce((sum, episode) => sum + episode.return, 0) / this.episodes.length;
  }

  get successRate(): number {
    return this.episodes.filter(({ success }) => success).length / this.episodes.length;
  }
}

function remember(times: number[], timeNs: number): void {
  times.push(timeNs);
  while (times[0]! < timeNs - RATE_WINDOW_NS) times.shift();
}

function rateHz(times: readonly number[]): number {
  return times.length < 2 ? 0 : ((times.length - 1) * 1e9) / (times.at(-1)! - times[0]!);
}
