import { RUNGS } from "../../core/plan.ts";
import type { SafeCommand } from "../../core/robot.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import { TICK_EVENTS } from "../../messages/ros-messages.ts";
import { type Evidence, emptyEvidence, SafetyGate, type SafetyOptions } from "../../safety/index.ts";
import type { RingWriter } from "../../transport/shared-ring.ts";
import type { ActionMap } from "./action-map.ts";
import type { CommandPort } from "./command-port.ts";
import type { JointSlotReader } from "./joint-slot.ts";
import type { OperatorWords } from "./operator-words.ts";
import type { PlanFollower } from "./plan-follower.ts";
import type { PlanSlotReader } from "./plan-slot.ts";
import { TickRecord } from "./tick-record.ts";

export interface ControlTickParts {
  readonly safety: SafetyOptions;
  readonly actionMap: ActionMap;
  readonly actionDimension: number;
  readonly follower: PlanFollower;
  readonly joints: JointSlotReader;
  readonly plans: PlanSlotReader;
  readonly operator: OperatorWords;
  readonly commands: CommandPort | undefined;
  readonly records: RingWriter;
  /** Called when a tick has written everything. */
  readonly wakeReaders: () => void;
  readonly nowNs: () => number;
}

const STATUS_INDEX = indexOf(Object.keys(CONTROL_STATUS) as ControlStatus[]);
const CAUSE_INDEX = indexOf(Object.keys(HALT_CAUSES) as HaltCause[]);
const LAST_PLAN = RUNGS.indexOf("last-plan");
const HOLD = RUNGS.indexOf("hold");
const TELEOP = RUNGS.indexOf("teleop");

/**
 * One tick of the control loop: read, plan, gate, write.
 *
 * Timing: 2 µs warm. Once compiled it allocates no more than a few boxed numbers and the stamp of a command. It does not
 * throw: an error inside brakes the robot and is kept in `failure`.
 */
export class ControlTick {
  /** The error that the last tick met. */
  failure: unknown;
  readonly #parts: ControlTickParts;
  readonly #gate: SafetyGate;
  readonly #evidence: Evidence;
  readonly #requested: Float64Array;
  readonly #record: TickRecord;
  readonly #planIdentity = new Int32Array(4);
  #tick = 0;
  #heartbeats = 0;
  /** From none at all: a press while the loop was being made counts. */
  #estopPresses = 0;
  #refusedPlans = 0;
  /** What has come since the last tick: `TICK_EVENTS`. */
  #events = 0;
  #planId = 0;
  #planRung = HOLD;
  #commandNs = Number.NaN;

  constructor(parts: ControlTickParts) {
    const { safety, actionDimension } = parts;
    const jointCount = safety.robot.joints.length;
    this.#parts = parts;
    this.#gate = new SafetyGate(safety);
    this.#evidence = emptyEvidence(jointCount);
    this.#requested = new Float64Array(jointCount);
    this.#record = new TickRecord(jointCount, actionDimension);
    this.#heartbeats = parts.operator.heartbeats;
  }

  run(deadlineNs: number, beginNs: number): ControlStatus {
    this.#record.set("deadlineNs", deadlineNs);
    this.#record.set("beginNs", beginNs);
    this.#events = 0;
    this.failure = undefined;
    try {
      this.#read();
      this.#plan();
      const command = this.#gate.pass(this.#evidence, this.#requested);
      this.#write(command);
    } catch (thrown) {
      this.#brake(thrown);
    }
    return this.#gate.status;
  }

  #read(): void {
    const { operator, joints, nowNs } = this.#parts;
    this.#serveOperator();
    const evidence = this.#evidence;
    evidence.nowNs = nowNs();
    const presses = operator.estopPresses;
    evidence.estop = operator.estop || presses !== this.#estopPresses;
    this.#estopPresses = presses;
    evidence.haltRequest = operator.halt;
    const heartbeats = operator.heartbeats;
    if (heartbeats !== this.#heartbeats) {
      this.#heartbeats = heartbeats;
      evidence.heartbeatNs = evidence.nowNs;
      this.#events |= TICK_EVENTS.heartbeat;
    }
    if (joints.refresh()) {
      evidence.positions.set(joints.positions);
      evidence.velocities.set(joints.velocities);
      evidence.jointStateArrivalNs = joints.arrivalNs;
      this.#events |= TICK_EVENTS.jointState;
    }
    if (evidence.estop) this.#events |= TICK_EVENTS.estopPressed;
  }

  /** Follows the newest valid plan, or what is left of the one before. */
  #plan(): void {
    const { plans, follower, operator, actionMap } = this.#parts;
    const evidence = this.#evidence;
    if (plans.refresh()) {
      this.#events |= TICK_EVENTS.plan;
      const continues = plans.rung === TELEOP && this.#planRung === TELEOP;
      if (follower.adopt(plans, evidence.nowNs, continues)) this.#acceptPlan(plans);
      else evidence.planInvalid = true;
    }
    if (operator.refusedPlans !== this.#refusedPlans) {
      this.#refusedPlans = operator.refusedPlans;
      evidence.planInvalid = true;
      this.#events |= TICK_EVENTS.refusedPlan;
    }
    if (follower.sample(evidence.nowNs)) {
      actionMap.requestInto(follower.action, this.#gate.borrowPositions, this.#requested);
    } else {
      this.#requested.fill(0);
    }
    this.#recordRequest();
  }

  #write(command: SafeCommand | null): void {
    const { commands, records, nowNs, actionMap, wakeReaders } = this.#parts;
    if (command !== null) commands?.send(command);
    this.#commandNs = nowNs();

    const record = this.#record;
    const evidence = this.#evidence;
    record.set("tick", this.#tick++);
    record.set("commandNs", this.#commandNs);
    record.set("status", STATUS_INDEX[this.#gate.status]);
    record.set("haltCause", CAUSE_INDEX[this.#gate.cause]);
    record.set("rung", this.#rung());
    record.set("limitBits", this.#gate.limitBits);
    record.set("planId", this.#planId);
    record.set("jointStateAgeNs", evidence.nowNs - evidence.jointStateArrivalNs);
    record.set("planAgeNs", evidence.nowNs - evidence.planArrivalNs);
    record.set("hasCommand", command === null ? 0 : 1);
    record.identity.set(this.#planIdentity);
    if (command !== null) record.command.set(command.values);
    this.#recordInputs();
    const positions = command === null ? evidence.positions : this.#gate.borrowPositions;
    actionMap.executedInto(positions, this.#gate.borrowVelocities, record.executedAction);
    records.write(record.bytes, 0n);
    wakeReaders();
  }

  #acceptPlan(plans: PlanSlotReader): void {
    const evidence = this.#evidence;
    evidence.planInvalid = false;
    evidence.planArrivalNs = plans.arrivalNs;
    evidence.planEndNs = this.#parts.follower.endNs;
    evidence.observationArrivalNs = plans.observationArrivalNs;
    evidence.surprise = plans.surprise;
    this.#planId = plans.id;
    this.#planRung = plans.rung;
    this.#planIdentity.set(plans.identity);
  }

  /** Before anything new is read: arming is judged by what the gate saw last. */
  #serveOperator(): void {
    const { operator } = this.#parts;
    const request = operator.pendingRequest;
    if (request === undefined) return;
    this.#events |= request === "arm" ? TICK_EVENTS.askedToArm : TICK_EVENTS.askedToResetEstop;
    operator.answer(request === "arm" ? this.#gate.arm(this.#evidence) : this.#gate.resetEstop(this.#evidence));
  }

  /** What the tick was computed from, so that it can be computed again. */
  #recordInputs(): void {
    const { plans } = this.#parts;
    const evidence = this.#evidence;
    const record = this.#record;
    record.set("nowNs", evidence.nowNs);
    record.set("events", this.#events);
    record.set("haltRequest", CAUSE_INDEX[evidence.haltRequest]);
    record.set("jointStateArrivalNs", evidence.jointStateArrivalNs);
    record.positions.set(evidence.positions);
    record.velocities.set(evidence.velocities);
    record.set("newPlanId", plans.id);
    record.set("newPlanArrivalNs", plans.arrivalNs);
    record.set("newPlanStartNs", plans.startNs);
    record.set("newPlanObservationArrivalNs", plans.observationArrivalNs);
  }

  /** In the unit of the command interface, as `command`. */
  #recordRequest(): void {
    const { robot, commandRateHz } = this.#parts.safety;
    const { requested } = this.#record;
    const positions = this.#gate.borrowPositions;
    const isPosition = robot.commandInterface === "position";
    for (let j = 0; j < requested.length; j++) {
      const velocity = this.#requested[j]!;
      requested[j] = isPosition ? positions[j]! + velocity / commandRateHz : velocity;
    }
  }

  #rung(): number {
    if (this.#gate.status === "tracking") return this.#planRung;
    return this.#gate.status === "coasting" ? LAST_PLAN : HOLD;
  }

  #brake(thrown: unknown): void {
    this.failure = thrown;
    this.#write(this.#gate.brake("internal-error"));
  }
}

function indexOf<T extends string>(names: readonly T[]): Readonly<Record<T, number>> {
  return Object.fromEntries(names.map((name, i) => [name, i])) as Record<T, number>;
}
