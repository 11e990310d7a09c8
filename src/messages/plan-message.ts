import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import { type Plan, RUNGS } from "../core/plan.ts";
import type { PlanMessage } from "./ros-messages.ts";
import { makeHeader, nsFromTime, timeFromNs } from "./stamp.ts";

export function planToMessage(plan: Plan, clock: Clock): PlanMessage {
  const startRosNs = clock.rosNs() + BigInt(Math.round(plan.startNs - clock.monotonicNs()));
  return {
    header: makeHeader(startRosNs),
    plan_id: BigInt(plan.id),
    start_monotonic_ns: plan.startNs,
    step_period_ns: plan.stepPeriodNs,
    observation_stamp: timeFromNs(plan.observationStampNs),
    observation_arrival_monotonic_ns: plan.observationArrivalNs,
    model_hash: plan.modelHash,
    rung: RUNGS.indexOf(plan.rung),
    value: plan.value,
    surprise: plan.surprise,
    delay_ns: plan.delayNs,
    compute_ns: plan.computeNs,
    action_dimension: plan.actionDimension,
    actions: plan.actions,
  };
}

/**
 * A plan made on this host, or, when `clock` is given, on another one: its monotonic times are then carried over by the
 * ROS clock, which the two hosts must share. The actions are a copy.
 * @throws ERR_MESSAGE_MALFORMED for an unknown rung or actions that are no whole number of steps
 */
export function planFromMessage(message: PlanMessage, clock?: Clock): Plan {
  const rung = RUNGS[message.rung];
  if (rung === undefined) {
    throw malformed(`a rung below ${RUNGS.length} but received ${message.rung}`);
  }
  const horizon = message.actions.length / message.action_dimension;
  if (!(Number.isInteger(horizon) && horizon > 0)) {
    throw malformed(
      `a whole number of steps of ${message.action_dimension} actions but received ${message.actions.length} values`,
    );
  }
  const shiftNs = clock ? monotonicFromRosNs(message, clock) - message.start_monotonic_ns : 0;
  return {
    id: Number(message.plan_id),
    actions: Float32Array.from(message.actions),
    horizon,
    actionDimension: message.action_dimension,
    startNs: message.start_monotonic_ns + shiftNs,
    stepPeriodNs: message.step_period_ns,
    observationStampNs: nsFromTime(message.observation_stamp),
    observationArrivalNs: message.observation_arrival_monotonic_ns + shiftNs,
    modelHash: message.model_hash,
    rung,
    value: message.value,
    surprise: message.surprise,
    delayNs: message.delay_ns,
    computeNs: message.compute_ns,
  };
}

function monotonicFromRosNs(message: PlanMessage, clock: Clock): number {
  return clock.monotonicNs() + Number(nsFromTime(message.header.stamp) - clock.rosNs());
}

function malformed(rule: string): LatentloopError {
  return new LatentloopError("ERR_MESSAGE_MALFORMED", `Expected a plan with ${rule}.`);
}
