import { LatentloopError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import { TICK_EVENTS, type TickInputMessage, type TickMessage } from "../../messages/index.ts";
import { checkSafetyOptions, type Workspace } from "../../safety/index.ts";
import { RingReader } from "../../transport/shared-ring.ts";
import { createControlMemory } from "../control/control-memory.ts";
import { type ControlSetup, loadWorkspace } from "../control/control-setup.ts";
import type { ControlTick } from "../control/control-tick.ts";
import { JointSlotWriter } from "../control/joint-slot.ts";
import { makeControlTick } from "../control/make-control-tick.ts";
import { OperatorWords } from "../control/operator-words.ts";
import { PlanSlotWriter } from "../control/plan-slot.ts";
import { tickToMessage } from "../control/tick-message.ts";
import { TickRecord } from "../control/tick-record.ts";

const CAUSES = Object.keys(HALT_CAUSES) as HaltCause[];

/** The control loop's own tick, over memory and with a clock that its log fills. */
export class ControlReplay {
  readonly #tick: ControlTick;
  readonly #joints: JointSlotWriter;
  readonly #plans: PlanSlotWriter;
  readonly #operator: OperatorWords;
  readonly #reader: RingReader;
  readonly #record: TickRecord;
  /** What the clock says next. */
  #readingsNs: number[] = [];

  private constructor(setup: ControlSetup, workspace: Workspace | undefined) {
    const jointCount = setup.safety.robot.joints.length;
    const actionDimension = setup.actionSpace.dimensions.length;
    const memory = createControlMemory(jointCount, actionDimension, setup.maxHorizon);
    this.#joints = new JointSlotWriter(memory.joints);
    this.#plans = new PlanSlotWriter(memory.plans);
    this.#operator = new OperatorWords(memory.operator);
    this.#reader = new RingReader(memory.records, { from: "oldest" });
    this.#record = new TickRecord(jointCount, actionDimension);
    const clock = { rosNs: () => 0n, monotonicNs: () => this.#readingsNs.shift() ?? Number.NaN };
    this.#tick = makeControlTick(setup, memory, clock, { wakeReaders: () => {} }, workspace);
  }

  /** @throws ERR_INVALID_ARGUMENT, ERR_ACTION_MISMATCH for a setup that makes no loop; what loading its kinematics throws */
  static async open(setup: ControlSetup): Promise<ControlReplay> {
    checkSafetyOptions(setup.safety);
    return new ControlReplay(setup, setup.workspace && (await loadWorkspace(setup.workspace)));
  }

  /** Runs the next tick. Its arrays are valid until the next call. @param plan the one that had come, if one had */
  run(
    input: TickInputMessage,
    { deadline_ns, begin_ns }: Pick<TickMessage, "deadline_ns" | "begin_ns">,
    plan: Plan | undefined,
  ): TickMessage {
    this.#tell(input, plan);
    this.#readingsNs = [input.now_ns, input.command_ns];
    this.#tick.run(deadline_ns, begin_ns);
    if (!this.#reader.read()) throw new LatentloopError("ERR_INTERNAL", "A tick that ran again left no record.");
    this.#record.bytes.set(this.#reader.message);
    return tickToMessage(this.#record, { rosNs: () => 0n, monotonicNs: () => input.command_ns });
  }

  /** Puts what had come since the last tick where the tick looks for it. */
  #tell(input: TickInputMessage, plan: Plan | undefined): void {
    const had = (event: keyof typeof TICK_EVENTS) => (input.events & TICK_EVENTS[event]) !== 0;
    const operator = this.#operator;
    if (had("askedToArm")) operator.ask("arm");
    if (had("askedToResetEstop")) operator.ask("resetEstop");
    operator.setEstop(had("estopPressed"));
    operator.setHalt(CAUSES[input.halt_request] ?? "none");
    if (had("heartbeat")) operator.beat();
    if (had("refusedPlan")) operator.countRefusedPlan();
    if (had("jointState")) {
      this.#joints.write({
        positions: Float64Array.from(input.position),
        velocities: Float64Array.from(input.velocity),
        stampNs: 0n,
        arrivalNs: input.joint_state_arrival_ns,
      });
    }
    if (plan) this.#plans.write(plan, input.plan_arrival_ns);
  }
}
