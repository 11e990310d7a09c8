import { z } from "zod";
import { messageOf } from "../../core/errors.ts";
import { LATCHED_QOS, type NodeContext, type Publisher, SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import { SerialChain } from "../../math/serial-chain.ts";
import {
  type Image,
  imageToMessage,
  jointStateFromMessage,
  type Path,
  type RosMessages,
} from "../../messages/index.ts";
import { chainBetween } from "../../robots/index.ts";
import type { ActingModel } from "../world-model/acting-model.ts";
import { floats } from "../world-model/graph-port.ts";
import { Dreamer } from "./dreamer.ts";
import { imaginedPath } from "./imagined-path.ts";

export const imaginationParameters = z.strictObject({
  rateHz: z.number().min(0).max(10).default(2).meta({
    description: "Highest rate at which the imagined rollout is shown while somebody looks; 0 shows none.",
    unit: "Hz",
    readOnly: true,
  }),
  base: z.string().default("base_link").describe("Link in whose frame the imagined path is given."),
  tip: z.string().default("").describe("Link whose imagined path is shown; without one there is no path."),
});
export type ImaginationParameters = z.output<typeof imaginationParameters>;

/** What the view needs of the policy loop. */
export interface ImaginingLoop {
  readonly live: ActingModel;
  /** The plan in force. */
  readonly plan: Plan | undefined;
  /** Whether a step runs: the belief changes then. */
  readonly isBusy: boolean;
}

/** A step may run when it is time to look: it is looked again after so long. */
const PATIENCE_MS = 50;

/**
 * Shows what the plan in force would bring, with stock messages: `~/imagined/image` (the decoded frames side by side, one row for
 * each camera) and `~/imagined/path` (the tip, by the kinematics of `robot_description`).
 *
 * It works only while a topic has subscribers, on a copy of the model in a thread of its own, so that no plan waits for it.
 */
export class ImaginationView {
  readonly #context: NodeContext<RosMessages>;
  readonly #loop: ImaginingLoop;
  readonly #robot: RobotModel;
  readonly #parameters: ImaginationParameters;
  readonly #inference: InferenceParameters;
  readonly #images: Publisher<Image>;
  readonly #paths: Publisher<Path>;
  #chain: SerialChain | undefined;
  #positions: Float64Array | undefined;
  #dreamer: Dreamer | undefined;
  /** Hash of the model that cannot be shown, so that it is not tried again. */
  #refused = "";
  #shownPlan = -1;
  #nextNs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();
  #isBusy = false;
  #isClosed = false;

  constructor(
    context: NodeContext<RosMessages>,
    loop: ImaginingLoop,
    robot: RobotModel,
    parameters: ImaginationParameters,
    inference: InferenceParameters,
  ) {
    this.#context = context;
    this.#loop = loop;
    this.#robot = robot;
    this.#parameters = parameters;
    this.#inference = inference;
    this.#images = context.publisher("~/imagined/image", "sensor_msgs/msg/Image", SENSOR_QOS);
    this.#paths = context.publisher("~/imagined/path", "nav_msgs/msg/Path");
    if (parameters.tip !== "") this.#listen();
    if (parameters.rateHz > 0) context.every(PATIENCE_MS, () => this.#look());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
    await this.#dreamer?.close();
    this.#dreamer = undefined;
  }

  #listen(): void {
    const { base, tip } = this.#parameters;
    const names = this.#robot.joints.map(({ name }) => name);
    this.#context.subscribe(
      "robot_description",
      "std_msgs/msg/String",
      ({ data }) => {
        this.#chain = new SerialChain(chainBetween(data, base, tip, names));
      },
      LATCHED_QOS,
    );
    this.#context.subscribe(
      "joint_states",
      "sensor_msgs/msg/JointState",
      (message, { receivedNs }) => {
        this.#positions = jointStateFromMessage(this.#robot, message, receivedNs).positions;
      },
      SENSOR_QOS,
    );
  }

  #look(): void {
    const { clock } = this.#context;
    const { plan, isBusy } = this.#loop;
    const wanted = { image: isHeard(this.#images), path: isHeard(this.#paths) };
    if (plan === undefined || plan.id === this.#shownPlan || isBusy || this.#isBusy || this.#isClosed) return;
    if (!(wanted.image || wanted.path) || clock.monotonicNs() < this.#nextNs) return;
    this.#nextNs = clock.monotonicNs() + 1e9 / this.#parameters.rateHz;
    this.#shownPlan = plan.id;
    if (wanted.path) this.#showPath(plan);
    if (!wanted.image || this.#refused === plan.modelHash) return;
    const latent = floats(this.#loop.live.bundle.graphs.observe.outputs, "latent_out").slice();
    this.#isBusy = true;
    this.#work = this.#showImage(plan, latent, clock.rosNs())
      .catch((thrown: unknown) => {
        this.#refused = plan.modelHash;
        this.#context.log.warn(`The imagined images are not shown: ${messageOf(thrown)}`);
      })
      .finally(() => {
        this.#isBusy = false;
      });
  }

  #showPath(plan: Plan): void {
    if (this.#chain === undefined || this.#positions === undefined) return;
    const { clock } = this.#context;
    const startStampNs = clock.rosNs() + BigInt(Math.round(plan.startNs - clock.monotonicNs()));
    const { action: space } = this.#loop.live.bundle.manifest;
    const body = { space, robot: this.#robot, chain: this.#chain, frame: this.#parameters.base };
    this.#paths.publish(imaginedPath(plan, body, this.#positions, startStampNs));
  }

  async #showImage(plan: Plan, latent: Float32Array, stampNs: bigint): Promise<void> {
    const dreamer = await this.#dreamerOf(this.#loop.live);
    if (dreamer.modelHash !== plan.modelHash) return; // the models have changed places since
    const { width, height, data } = await dreamer.dream(latent, plan.actions, plan.horizon);
    if (this.#isClosed) return;
    this.#images.publish(
      imageToMessage({ encoding: "rgb8", width, height, stride: 3 * width, data, stampNs }, "imagined"),
    );
  }

  async #dreamerOf(live: ActingModel): Promise<Dreamer> {
    if (this.#dreamer?.modelHash === live.bundle.modelHash) return this.#dreamer;
    await this.#dreamer?.close();
    this.#dreamer = undefined;
    this.#dreamer = await Dreamer.open(live.folder, live.bundle, this.#inference, this.#context.clock);
    return this.#dreamer;
  }
}

/** A transport that cannot tell counts as nobody. */
function isHeard({ subscribers = 0 }: { readonly subscribers?: number | undefined }): boolean {
  return subscribers > 0;
}
