import type { Clock } from "../../core/clock.ts";
import { makeHeader, type TickInputMessage, type TickMessage, timeFromNs } from "../../messages/index.ts";
import { checksumOfTick } from "../session/checksum.ts";
import type { TickRecord } from "./tick-record.ts";

/** Stamp of a tick: when its command left the gate, ROS clock. */
function headerOf(record: TickRecord, clock: Clock) {
  return makeHeader(clock.rosNs() - BigInt(Math.round(clock.monotonicNs() - record.get("commandNs"))));
}

/** latentloop_msgs/Tick of a record. Its arrays are views of the record. */
export function tickToMessage(record: TickRecord, clock: Clock): TickMessage {
  const hasPlan = record.get("planId") > 0;
  return {
    header: headerOf(record, clock),
    tick: BigInt(record.get("tick")),
    deadline_ns: record.get("deadlineNs"),
    begin_ns: record.get("beginNs"),
    command_ns: record.get("commandNs"),
    status: record.get("status"),
    halt_cause: record.get("haltCause"),
    rung: record.get("rung"),
    limit_bits: record.get("limitBits"),
    plan_id: BigInt(record.get("planId")),
    model_hash: hasPlan ? record.modelHash : "",
    observation_stamp: timeFromNs(record.observationStampNs),
    joint_state_age_ns: record.get("jointStateAgeNs"),
    plan_age_ns: record.get("planAgeNs"),
    requested: record.requested,
    command: record.get("hasCommand") === 1 ? record.command : [],
    executed_action: record.executedAction,
  };
}

/** latentloop_msgs/TickInput of a record. Its arrays are views of the record. */
export function tickInputToMessage(record: TickRecord, session: bigint, clock: Clock): TickInputMessage {
  const input = {
    header: headerOf(record, clock),
    session,
    tick: BigInt(record.get("tick")),
    now_ns: record.get("nowNs"),
    command_ns: record.get("commandNs"),
    events: record.get("events"),
    halt_request: record.get("haltRequest"),
    joint_state_arrival_ns: record.get("jointStateArrivalNs"),
    position: record.positions,
    velocity: record.velocities,
    plan_id: BigInt(record.get("newPlanId")),
    plan_arrival_ns: record.get("newPlanArrivalNs"),
    plan_start_ns: record.get("newPlanStartNs"),
    plan_observation_arrival_ns: record.get("newPlanObservationArrivalNs"),
  };
  return { ...input, checksum: checksumOfTick(input) };
}
