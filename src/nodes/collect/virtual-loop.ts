import type { Plan } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { ArmRefusal } from "../../safety/index.ts";
import type { SimulatedEnvironment } from "../../sim/environment.ts";
import { type RealtimePorts, RealtimeSession } from "../../sim/realtime-session.ts";
import { RingReader } from "../../transport/shared-ring.ts";
import { createControlMemory } from "../control/control-memory.ts";
import type { ControlSetup } from "../control/control-setup.ts";
import type { ControlTick } from "../control/control-tick.ts";
import { JointSlotWriter } from "../control/joint-slot.ts";
import { makeControlTick } from "../control/make-control-tick.ts";
import { OperatorWords } from "../control/operator-words.ts";
import { PlanSlotWriter } from "../control/plan-slot.ts";
import { TickRecord } from "../control/tick-record.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface VirtualLoopOptions {
  readonly environment: SimulatedEnvironment;
  readonly setup: ControlSetup;
  readonly clock: VirtualClock;
  /** Cameras that are drawn. */
  readonly cameras: readonly string[];
  readonly imageRateHz: number;
  /** What the simulated robot's sensors say, and what the control loop did. Arrays are borrowed. */
  readonly ports: RealtimePorts & {
    onCommand(values: Float64Array): void;
    onTick(record: TickRecord): void;
  };
}

/** A commanded velocity counts for so long, as with the simulated robot in real time. */
const COMMAND_TIMEOUT_S = 0.1;

/**
 * A simulated robot and the control loop with its safety gate, in simulated time: the same ticks as in real time, one after
 * the other as fast as they are computed.
 */
export class VirtualLoop {
  readonly robot: RobotModel;
  /** Measured last, in the robot's order. */
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  readonly #clock: VirtualClock;
  readonly #session: RealtimeSession;
  readonly #periodNs: number;
  readonly #operator: OperatorWords;
  readonly #joints: JointSlotWriter;
  readonly #plans: PlanSlotWriter;
  readonly #tick: ControlTick;
  readonly #records: RingReader;
  readonly #record: TickRecord;
  readonly #onTick: (record: TickRecord) => void;

  constructor({ environment, setup, clock, cameras, imageRateHz, ports }: VirtualLoopOptions) {
    const { robot, commandRateHz } = setup.safety;
    const jointCount = robot.joints.length;
    const actionDimension = setup.actionSpace.dimensions.length;
    const memory = createControlMemory(jointCount, actionDimension, setup.maxHorizon);
    this.robot = robot;
    this.positions = new Float64Array(jointCount);
    this.velocities = new Float64Array(jointCount);
    this.#clock = clock;
    this.#periodNs = 1e9 / commandRateHz;
    this.#operator = new OperatorWords(memory.operator);
    this.#joints = new JointSlotWriter(memory.joints);
    this.#plans = new PlanSlotWriter(memory.plans);
    this.#records = new RingReader(memory.records, { from: "oldest" });
    this.#record = new TickRecord(jointCount, actionDimension);
    this.#onTick = ports.onTick;
    const onJointState: RealtimePorts["onJointState"] = (names, positions, velocities, stampNs) => {
      this.positions.set(positions);
      this.velocities.set(velocities);
      this.#joints.write({ positions, velocities, stampNs, arrivalNs: clock.monotonicNs() });
      ports.onJointState(names, positions, velocities, stampNs);
    };
    const session = { imageRateHz, commandTimeoutS: COMMAND_TIMEOUT_S, seed: 0 };
    this.#session = new RealtimeSession(environment, { ...ports, onJointState }, session);
    const known = environment.observationSpace.cameras.map(({ name }) => name);
    this.#session.setFaults({ stoppedCameras: known.filter((name) => !cameras.includes(name)) });
    const commands = {
      send: ({ values }: { readonly values: Float64Array }) => {
        this.#session.setCommand(robot.commandInterface, values);
        ports.onCommand(values);
      },
    };
    this.#tick = makeControlTick(setup, memory, clock, { commands, wakeReaders: () => {} });
  }

  /** Lets one command period pass: the world moves on and its sensors speak. Then a plan may be given, then `control`. */
  sense(): void {
    this.#clock.advance(this.#periodNs);
    this.#session.tick(this.#clock.rosNs());
  }

  follow(plan: Plan): void {
    this.#plans.write(plan, this.#clock.monotonicNs());
  }

  /** One tick of the control loop. @throws what the tick met inside */
  control(): void {
    const nowNs = this.#clock.monotonicNs();
    this.#operator.beat();
    this.#tick.run(nowNs, nowNs);
    if (this.#tick.failure !== undefined) throw this.#tick.failure;
    this.#operator.wake();
    while (this.#records.read()) {
      this.#record.bytes.set(this.#records.message);
      this.#onTick(this.#record);
    }
  }

  /** Asks the gate: the next tick answers. */
  arm(): Promise<ArmRefusal> {
    return this.#operator.request("arm", 1000);
  }
}
