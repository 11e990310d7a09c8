import type { Clock } from "../../core/clock.ts";
import type { Workspace } from "../../safety/index.ts";
import { createRing, RingWriter } from "../../transport/shared-ring.ts";
import { commandPortOnRing } from "./command-port.ts";
import { createControlMemory } from "./control-memory.ts";
import type { ControlSetup } from "./control-setup.ts";
import { JointSlotWriter } from "./joint-slot.ts";
import { makeControlTick } from "./make-control-tick.ts";
import { OperatorWords } from "./operator-words.ts";
import { PlanSlotWriter } from "./plan-slot.ts";

const WARM_UP_TICKS = 10_000;
const TICKS_PER_PLAN = 10;

/**
 * Runs the tick on memory of its own and a clock of its own until the compiler has optimised it, so that the first
 * ticks of the real loop are as short as the later ones.
 */
export function warmUp(setup: ControlSetup, workspace: Workspace | undefined): void {
  const { robot, commandRateHz } = setup.safety;
  const actionDimension = setup.actionSpace.dimensions.length;
  const memory = createControlMemory(robot.joints.length, actionDimension, setup.maxHorizon);
  const operator = new OperatorWords(memory.operator);
  const joints = new JointSlotWriter(memory.joints);
  const plans = new PlanSlotWriter(memory.plans);
  let nowNs = 1e9;
  const clock: Clock = { monotonicNs: () => nowNs, rosNs: () => 0n };
  const ring = createRing({ depth: 4, maxMessageBytes: 64 + 8 * robot.joints.length });
  const commands = commandPortOnRing(new RingWriter(ring), robot.joints.length, clock.rosNs);
  const tick = makeControlTick(setup, memory, clock, { commands, wakeReaders: () => {} }, workspace);
  const state = {
    positions: Float64Array.from(robot.joints, ({ limits }) => midpoint(limits.lower, limits.upper)),
    velocities: new Float64Array(robot.joints.length),
    stampNs: 0n,
  };
  const actions = new Float32Array(actionDimension * setup.maxHorizon);
  for (let i = 0; i < WARM_UP_TICKS; i++, nowNs += 1e9 / commandRateHz) {
    operator.beat();
    joints.write({ ...state, arrivalNs: nowNs });
    if (i % TICKS_PER_PLAN === 0) {
      actions.fill(Math.sin(i));
      plans.write(warmUpPlan(i, actions, actionDimension, nowNs, 1e9 / commandRateHz), nowNs);
      void operator.request("arm", 0);
    }
    tick.run(nowNs, nowNs);
  }
}

function warmUpPlan(id: number, actions: Float32Array, actionDimension: number, nowNs: number, stepPeriodNs: number) {
  return {
    id,
    actions,
    horizon: actions.length / actionDimension,
    actionDimension,
    startNs: nowNs,
    stepPeriodNs: stepPeriodNs * TICKS_PER_PLAN,
    observationStampNs: 0n,
    observationArrivalNs: nowNs,
    modelHash: "",
    rung: "mpc" as const,
    value: 0,
    surprise: 0,
    delayNs: 0,
    computeNs: 0,
  };
}

function midpoint(lower: number, upper: number): number {
  return Number.isFinite(lower) && Number.isFinite(upper) ? (lower + upper) / 2 : 0;
}
