import type { Clock } from "../../core/clock.ts";
import { DEFAULT_QOS, type Qos, SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import {
  borrowSerialized,
  cameraModelToMessage,
  imageToMessage,
  makeHeader,
  opticalFrame,
  planToMessage,
  type RosMessages,
  type RosType,
} from "../../messages/index.ts";
import type { RecordedTopic, Recording } from "../../replay/recording.ts";
import type { SimulatedEnvironment } from "../../sim/environment.ts";
import { tickToMessage } from "../control/tick-message.ts";
import type { TickRecord } from "../control/tick-record.ts";

const CAMERA_INFO_PERIOD_NS = 1e9;

export interface LoopLogOptions {
  readonly recording: Recording;
  readonly environment: SimulatedEnvironment;
  readonly cameras: readonly string[];
  readonly clock: Clock;
}

/** Writes what the nodes of a loop would publish straight into a recording, as a recorder does that hears them without delay. */
export class LoopLog {
  readonly counts = new Map<string, number>();
  readonly #options: LoopLogOptions;
  readonly #topics = new Map<string, RecordedTopic>();
  #cameraInfoNs = Number.NEGATIVE_INFINITY;

  constructor(options: LoopLogOptions) {
    this.#options = options;
  }

  get dropped(): number {
    return this.#options.recording.topics.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  plan(plan: Plan): void {
    this.#write("/plan", "latentloop_msgs/msg/Plan", planToMessage(plan, this.#options.clock), SENSOR_QOS);
  }

  jointState(names: readonly string[], position: Float64Array, velocity: Float64Array, stampNs: bigint): void {
    const state = { header: makeHeader(stampNs), name: names, position, velocity, effort: [] };
    this.#write("/joint_states", "sensor_msgs/msg/JointState", state, SENSOR_QOS, stampNs);
  }

  /** Once a second the cameras' info goes with it. */
  image(camera: string, data: Uint8Array, stampNs: bigint): void {
    const { environment, cameras, clock } = this.#options;
    const { width, height } = environment.observationSpace.cameras.find(({ name }) => name === camera)!;
    const image = { encoding: "rgb8", width, height, stride: 3 * width, data, stampNs } as const;
    const message = imageToMessage(image, opticalFrame(camera));
    this.#write(`/${camera}/image_raw`, "sensor_msgs/msg/Image", message, SENSOR_QOS, stampNs);
    if (clock.monotonicNs() - this.#cameraInfoNs < CAMERA_INFO_PERIOD_NS) return;
    this.#cameraInfoNs = clock.monotonicNs();
    for (const name of cameras) {
      const info = cameraModelToMessage(environment.cameraModel(name), stampNs, opticalFrame(name));
      this.#write(`/${name}/camera_info`, "sensor_msgs/msg/CameraInfo", info, DEFAULT_QOS, stampNs);
    }
  }

  command(data: Float64Array): void {
    this.#write("/commands", "std_msgs/msg/Float64MultiArray", { layout: { dim: [], data_offset: 0 }, data });
  }

  tick(record: TickRecord): void {
    this.#write("/control/tick", "latentloop_msgs/msg/Tick", tickToMessage(record, this.#options.clock));
  }

  episode(event: RosMessages["latentloop_msgs/msg/EpisodeEvent"]): void {
    this.#write("/episode", "latentloop_msgs/msg/EpisodeEvent", event);
  }

  #write<T extends RosType>(
    topic: string,
    type: T,
    message: RosMessages[T],
    qos: Qos = DEFAULT_QOS,
    stampNs = this.#options.clock.rosNs(),
  ): void {
    let target = this.#topics.get(topic);
    if (target === undefined) this.#topics.set(topic, (target = this.#options.recording.addTopic(topic, type, qos)));
    target.write(borrowSerialized(type, message), stampNs, stampNs);
    this.counts.set(topic, (this.counts.get(topic) ?? 0) + 1);
  }
}
