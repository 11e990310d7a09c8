import type { Clock } from "../../core/clock.ts";
import { makeHeader, type TickMessage, timeFromNs } from "../../messages/index.ts";
import type { TickRecord } from "./tick-record.ts";

/** latentloop_msgs/Tick of a record. Its arrays are views of the record. */
export function tickToMessage(record: TickRecord, clock: Clock): TickMessage {
  const commandNs = record.get("commandNs");
  const hasPlan = record.get("planId") > 0;
  return {
    header: makeHeader(clock.rosNs() - BigInt(Math.round(clock.monotonicNs() - commandNs))),
    tick: BigInt(record.get("tick")),
    deadline_ns: record.get("deadlineNs"),
    begin_ns: record.get("beginNs"),
    command_ns: commandNs,
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
