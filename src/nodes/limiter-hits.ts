import type { ProprioceptionFeature } from "../core/proprioception.ts";
import type { RobotModel } from "../core/robot.ts";
import { LIMIT_BITS, type LimitName } from "../core/status.ts";
import type { Bundle } from "../inference/read-bundle.ts";
import type { EpisodeStore } from "../learning/episodes/episode-store.ts";
import { plansAlong } from "../learning/gates/plans-along.ts";
import { MotionLimiter } from "../safety/index.ts";
import { ActionMap } from "./control/action-map.ts";
import { PlanFollower } from "./control/plan-follower.ts";

/** How often the gate's limiter would have changed what a model's plans ask for. */
export interface LimiterHits {
  readonly commands: number;
  /** Share of the commands that some limit changed, and that each of them did. */
  readonly limited: number;
  readonly by: Readonly<Partial<Record<LimitName, number>>>;
}

export interface LimiterHitsOptions {
  readonly robot: RobotModel;
  readonly commandRateHz: number;
  readonly blendMs: number;
  /** Observations to plan from. */
  readonly plans: number;
}

/** Limits that a plan can run into; the others are the operator's or the gate's own. */
const COUNTED = ["position", "velocity", "acceleration"] as const satisfies readonly LimitName[];

/**
 * Lets a model plan at recorded observations and leads each plan, for one policy period, through what the control loop would
 * do with it: blending from the action that was really executed, the binding to the joints, the limiter at the command rate.
 *
 * The robot starts each time where it was measured. Without the workspace and the watchdogs, which do not judge plans.
 * @throws ERR_ACTION_MISMATCH for a robot that the model's actions do not fit
 */
export async function countLimiterHits(
  bundle: Bundle,
  store: EpisodeStore,
  { robot, commandRateHz, blendMs, plans }: LimiterHitsOptions,
): Promise<LimiterHits> {
  const { action, observation, policyRateHz } = bundle.manifest;
  const width = action.dimensions.length;
  const [periodNs, stepNs] = [1e9 / commandRateHz, 1e9 / policyRateHz];
  const requested = new Float64Array(robot.joints.length);
  const hits: Record<(typeof COUNTED)[number], number> = { position: 0, velocity: 0, acceleration: 0 };
  let [commands, limited] = [0, 0];
  for (const { frame, isFirst, actions } of await plansAlong(bundle, store, plans)) {
    const limiter = new MotionLimiter(robot, 1 / commandRateHz);
    const map = new ActionMap(action, robot, 1 / commandRateHz);
    const follower = new PlanFollower(width, Math.max(1, actions.length / width), blendMs * 1e6);
    measuredInto(observation.proprioception, store.borrowProprioception(frame), robot, limiter.positions);
    if (!isFirst) {
      const executed = store.borrowAction(frame - 1);
      follower.adopt(planOf(executed, width, -stepNs, stepNs), -stepNs / 2);
      follower.sample(-stepNs / 2);
      map.requestInto(executed, limiter.positions, limiter.velocities);
    }
    follower.adopt(planOf(actions, width, 0, stepNs), 0);
    for (let nowNs = periodNs; nowNs <= stepNs; nowNs += periodNs) {
      follower.sample(nowNs);
      map.requestInto(follower.action, limiter.positions, requested);
      limiter.step(requested, 1);
      commands++;
      const own = COUNTED.filter((name) => (limiter.limitBits & LIMIT_BITS[name]) !== 0);
      for (const name of own) hits[name]++;
      if (own.length > 0) limited++;
    }
  }
  const share = (count: number) => (commands === 0 ? Number.NaN : count / commands);
  const by = Object.fromEntries(COUNTED.map((name) => [name, share(hits[name])]));
  return { commands, limited: share(limited), by };
}

function planOf(actions: Float32Array, actionDimension: number, startNs: number, stepPeriodNs: number) {
  const horizon = actions.length / actionDimension;
  return { actions, horizon, actionDimension, startNs, stepPeriodNs, observationArrivalNs: 0, surprise: 0 };
}

/** The joints' positions out of a proprioception; a joint that is not in it counts as in the middle of its range. */
function measuredInto(
  features: readonly ProprioceptionFeature[],
  proprioception: Float32Array,
  { joints }: RobotModel,
  out: Float64Array,
): void {
  const sensed = (name: string) => {
    const i = features.findIndex((feature) => feature.name === name);
    return i < 0 ? undefined : proprioception[i]! * features[i]!.scale + features[i]!.offset;
  };
  joints.forEach(({ name, limits }, j) => {
    const [cos, sin] = [sensed(`${name}.cos`), sensed(`${name}.sin`)];
    const angle = cos !== undefined && sin !== undefined ? Math.atan2(sin, cos) : undefined;
    const middle = (limits.lower + limits.upper) / 2;
    out[j] = sensed(`${name}.position`) ?? angle ?? (Number.isFinite(middle) ? middle : 0);
  });
}
