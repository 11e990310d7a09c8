import type { ActionSpace } from "../../../../src/core/action.ts";
import type { Plan } from "../../../../src/core/plan.ts";
import type { SafeCommand } from "../../../../src/core/robot.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../../../src/core/status.ts";
import { createControlMemory } from "../../../../src/nodes/control/control-memory.ts";
import type { ControlSetup } from "../../../../src/nodes/control/control-setup.ts";
import { JointSlotWriter } from "../../../../src/nodes/control/joint-slot.ts";
import { makeControlTick } from "../../../../src/nodes/control/make-control-tick.ts";
import { OperatorWords } from "../../../../src/nodes/control/operator-words.ts";
import { PlanSlotWriter } from "../../../../src/nodes/control/plan-slot.ts";
import { TickRecord } from "../../../../src/nodes/control/tick-record.ts";
import { RingReader } from "../../../../src/transport/shared-ring.ts";
import { plainPlan } from "../../../support/plain-plan.ts";
import { optionsFor, PERIOD_NS, twoJoints } from "../../safety/robots.ts";

export const ACTIONS: ActionSpace = {
  dimensions: [
    { name: "shoulder", unit: "rad/s", low: -1, high: 1 },
    { name: "elbow", unit: "rad/s", low: -0.5, high: 0.5 },
  ],
};

export const SETUP: ControlSetup = {
  safety: optionsFor(twoJoints("position"), { softStartMs: 20 }),
  actionSpace: ACTIONS,
  maxHorizon: 8,
  blendMs: 30,
  priority: 0,
};

export function planAt(id: number, startNs: number, steps: readonly (readonly number[])[]): Plan {
  const observed = { observationStampNs: BigInt(id) * 1_000_000_007n, observationArrivalNs: startNs };
  return plainPlan(steps, { id, startNs, ...observed, modelHash: "0123456789abcdef" });
}

/** The tick over real shared memory with a fake clock, and a robot that follows every command at once. */
export class ControlRig {
  nowNs = 1e12;
  robotAnswers = true;
  operatorBeats = true;
  planner: ((id: number) => Plan | undefined) | undefined;
  readonly actual = new Float64Array(2);
  readonly operator: OperatorWords;
  readonly plans: PlanSlotWriter;
  readonly joints: JointSlotWriter;
  readonly record = new TickRecord(2, 2);
  readonly tick;
  readonly #reader: RingReader;
  #ticks = 0;

  constructor(setup: ControlSetup = SETUP) {
    const memory = createControlMemory(2, 2, setup.maxHorizon);
    this.operator = new OperatorWords(memory.operator);
    this.plans = new PlanSlotWriter(memory.plans);
    this.joints = new JointSlotWriter(memory.joints);
    this.#reader = new RingReader(memory.records, { from: "oldest" });
    const commands = { send: ({ values }: SafeCommand) => this.actual.set(values) };
    const clock = { monotonicNs: () => this.nowNs, rosNs: () => 0n };
    this.planner = (id) => planAt(id, this.nowNs, Array(8).fill([0.5, 0.2]));
    this.tick = makeControlTick(setup, memory, clock, { commands, wakeReaders: () => {} });
  }

  /** One tick each 10 ms, a plan each 100 ms. */
  run(ticks: number, afterEach: () => void = () => {}): void {
    for (let i = 0; i < ticks; i++, this.#ticks++) {
      this.nowNs += PERIOD_NS;
      if (this.operatorBeats) this.operator.beat();
      if (this.robotAnswers) {
        this.joints.write({
          positions: this.actual,
          velocities: new Float64Array(2),
          stampNs: 0n,
          arrivalNs: this.nowNs,
        });
      }
      const plan = this.#ticks % 10 === 0 ? this.planner?.(this.#ticks / 10 + 1) : undefined;
      if (plan && !this.plans.write(plan, this.nowNs)) this.operator.countRefusedPlan();
      this.tick.run(this.nowNs, this.nowNs);
      if (!this.#reader.read()) throw new Error("the tick left no record");
      this.record.bytes.set(this.#reader.message);
      afterEach();
    }
  }

  running(): this {
    this.run(11);
    void this.operator.request("arm", 0);
    this.run(40);
    return this;
  }

  get status(): ControlStatus {
    return (Object.keys(CONTROL_STATUS) as ControlStatus[])[this.record.get("status")]!;
  }

  get cause(): HaltCause {
    return (Object.keys(HALT_CAUSES) as HaltCause[])[this.record.get("haltCause")]!;
  }
}
