import type { Manifest } from "../../config/manifest.ts";
import type { ModelImage } from "../../core/camera.ts";
import { type MessageInfo, type NodeContext, SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import { bindProprioception } from "../../core/proprioception.ts";
import type { RobotModel } from "../../core/robot.ts";
import { FrozenImages } from "../../learning/surprise/frozen-images.ts";
import { borrowRawImage, jointStateFromMessage, type RosMessages } from "../../messages/index.ts";
import { ExecutedActions } from "../control/executed-actions.ts";
import { meanActionInFlight } from "../control/in-flight-action.ts";
import { captureMonotonicNs } from "./capture-time.ts";
import { ObservationAssembler } from "./observation-assembler.ts";
import { RecentObservations, type Seen } from "./recent-observations.ts";

export interface IntakeOptions {
  readonly robot: RobotModel;
  readonly pairingToleranceMs: number;
  readonly commandRateHz: number;
  /** Motion after which a picture that stays the same to the byte is frozen. Units: rad or m */
  readonly frozenMotion: number;
  /** Observations that another model's belief is estimated from before it takes over. */
  readonly beliefObservations: number;
}

/** All that the policy loop hears: images and joint states, paired into observations, and what the robot was told to do. */
export class ObservationIntake {
  readonly recent: RecentObservations;
  readonly #assembler: ObservationAssembler;
  readonly #executed: ExecutedActions;
  readonly #periodNs: number;
  readonly #lastAction: Float32Array;
  readonly #scratch: Float32Array;
  readonly #pictures: FrozenImages;
  #clockJumps = 0;
  #frozen = 0;
  #notFinite = 0;

  /** @param onComplete called when every camera has a fresh image */
  constructor(
    context: NodeContext<RosMessages>,
    { observation, action, policyRateHz }: Pick<Manifest, "observation" | "action" | "policyRateHz">,
    { robot, pairingToleranceMs, commandRateHz, beliefObservations, frozenMotion }: IntakeOptions,
    onComplete: (info: MessageInfo) => void,
  ) {
    const { cameras, proprioception } = observation;
    const { dimensions } = action;
    this.#periodNs = 1e9 / policyRateHz;
    this.#lastAction = new Float32Array(dimensions.length);
    this.#scratch = new Float32Array(dimensions.length);
    this.#pictures = new FrozenImages(proprioception, frozenMotion);
    this.recent = new RecentObservations(beliefObservations);
    // Rest is the action whose SI value is 0, or the nearest there is.
    const rest = Float32Array.from(dimensions, ({ low, high }) => {
      const zero = (-2 * low) / (high - low) - 1;
      return Math.min(1, Math.max(-1, zero));
    });
    this.#executed = new ExecutedActions(rest, 1.5e9 / commandRateHz);
    this.#assembler = new ObservationAssembler({
      cameras: cameras.map(({ name }) => name),
      proprioceptionSize: proprioception.length,
      readProprioception: bindProprioception(
        proprioception,
        robot.joints.map(({ name }) => name),
        dimensions.map(({ name }) => name),
      ),
      pairingToleranceNs: BigInt(Math.round(pairingToleranceMs * 1e6)),
    });
    context.subscribe(
      "joint_states",
      "sensor_msgs/msg/JointState",
      (message, info) => this.#assembler.addJointState(jointStateFromMessage(robot, message, info.receivedNs)),
      SENSOR_QOS,
    );
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", ({ command_ns, executed_action }) =>
      this.#executed.append(command_ns, executed_action),
    );
    for (const { name } of cameras) {
      context.subscribe(
        `${name}/image_model`,
        "sensor_msgs/msg/Image",
        (message, info) => {
          this.#addImage(name, borrowRawImage(message), info);
          if (this.#assembler.isComplete) onComplete(info);
        },
        SENSOR_QOS,
      );
    }
  }

  get counts() {
    const { unpaired } = this.#assembler;
    return { unpaired, clock_jumps: this.#clockJumps, frozen: this.#frozen, not_finite: this.#notFinite };
  }

  /**
   * The observation of the newest images, if they belong together, their joint state is finite, they move as the robot does,
   * and the clocks can be trusted.
   */
  take(info: MessageInfo): Seen | undefined {
    const observation = this.#assembler.take((captureStampNs) => this.#actionBefore(captureStampNs, info));
    if (observation === undefined) return undefined;
    if (!observation.proprioception.every(Number.isFinite)) {
      this.#notFinite++;
      return undefined;
    }
    const pixels = Object.fromEntries(Object.entries(observation.images).map(([camera, { data }]) => [camera, data]));
    if (this.#pictures.check(pixels, observation.proprioception) !== undefined) {
      this.#frozen++;
      return undefined;
    }
    const captureNs = captureMonotonicNs(observation.stampNs, info);
    if (captureNs !== undefined) return this.recent.add(observation, captureNs);
    this.#clockJumps++;
    return undefined;
  }

  /** Mean action over a time: what was executed so far, what the plan holds from there on. */
  meanActionInto(plan: Plan | undefined, fromNs: number, toNs: number, out: Float32Array): void {
    meanActionInFlight(this.#executed, plan, fromNs, toNs, out, this.#scratch);
  }

  #addImage(camera: string, { width, height, data, stampNs }: Omit<ModelImage, "arrivalNs">, info: MessageInfo): void {
    this.#assembler.addImage(camera, { width, height, data: data.slice(), stampNs, arrivalNs: info.receivedNs });
  }

  /** The normalised action that was executed over the policy step before the capture. */
  #actionBefore(captureStampNs: bigint, info: MessageInfo): Float32Array {
    const captureNs = captureMonotonicNs(captureStampNs, info) ?? info.receivedNs;
    this.#executed.meanInto(captureNs - this.#periodNs, captureNs, this.#lastAction);
    return this.#lastAction;
  }
}
