import { z } from "zod";
import { readText } from "../config/read-config.ts";
import type { LifecycleNode, NodeContext, Publisher, TriggerResponse } from "../core/node.ts";
import { LATCHED_QOS, SENSOR_QOS } from "../core/node.ts";
import type { RobotModel } from "../core/robot.ts";
import {
  cameraModelToMessage,
  type EpisodeEvent,
  type EpisodeKind,
  type Image,
  imageToMessage,
  type JointState,
  makeEpisodeEvent,
  makeHeader,
  opticalFrame,
  type RosMessages,
} from "../messages/index.ts";
import { domainShiftSchema, shiftOf } from "../sim/domain-shift-schema.ts";
import { RealtimeRobot } from "../sim/realtime-robot.ts";
import type { Faults } from "../sim/realtime-session.ts";

export const simulatedRobotParameters = z.strictObject({
  task: z.string().meta({ description: "Simulated task whose robot this is.", readOnly: true }),
  cameras: z.array(z.string()).default(["scene"]).meta({ description: "Cameras that send images.", readOnly: true }),
  imageSize: z
    .int()
    .positive()
    .default(128)
    .meta({ description: "Width and height of the images.", unit: "px", readOnly: true }),
  imageRateHz: z
    .number()
    .positive()
    .default(30)
    .meta({ description: "Images per second.", unit: "Hz", readOnly: true }),
  episodeSeconds: z.number().positive().default(5).meta({ description: "Length of an episode.", unit: "s" }),
  seed: z.int().default(0).meta({ description: "Seed of the start and the targets.", readOnly: true }),
  shift: domainShiftSchema
    .default({})
    .meta({ description: "How the world differs from the nominal one.", readOnly: true }),
  description: z
    .string()
    .default("")
    .meta({ description: "URDF file of the robot, latched on `robot_description`; by default none.", readOnly: true }),
});
export type SimulatedRobotParameters = z.output<typeof simulatedRobotParameters>;

const CAMERA_INFO_PERIOD_MS = 1000;
/** Where somebody who ran into a camera leaves it. */
export const MOVED_CAMERAS = { cameraOffsetM: [0.05, 0.03, 0], cameraRotationRad: [0, 0, 0.1] } as const;

/**
 * A simulated task as a robot with cameras on the topics a real one has.
 *
 * Publishes `joint_states`, `<camera>/image_raw`, `<camera>/camera_info` and `episode` (reward and success: a simulator knows
 * them); obeys `commands`. `~/start_episode` sets a new target and scores it until its time is over or `~/end_episode`; the robot
 * itself is never put back, because a real one is not either. `~/stop_cameras`, `~/freeze_cameras`, `~/move_cameras`, `~/silence_joints`, `~/reverse_joints`,
 * `~/jump_clock` rehearse what goes wrong with robots; `~/heal` ends it.
 */
export function createSimulatedRobot(
  context: NodeContext<RosMessages>,
  parameters: SimulatedRobotParameters,
): LifecycleNode {
  let world: SimulatedWorld | undefined;
  return {
    async configure() {
      world = await SimulatedWorld.start(context, parameters);
      if (parameters.description === "") return;
      const data = await readText(parameters.description);
      context.publisher("robot_description", "std_msgs/msg/String", LATCHED_QOS).publish({ data });
    },
    async activate() {},
    async deactivate() {},
    async cleanup() {
      await world?.close();
      world = undefined;
    },
  };
}

class SimulatedWorld {
  readonly #context: NodeContext<RosMessages>;
  readonly #parameters: SimulatedRobotParameters;
  readonly #joints: Publisher<JointState>;
  readonly #images: ReadonlyMap<string, Publisher<Image>>;
  readonly #episodes: Publisher<EpisodeEvent>;
  #robot: RealtimeRobot | undefined;
  #episode = -1;
  #step = 0;
  #endNs = Number.NEGATIVE_INFINITY;

  private constructor(context: NodeContext<RosMessages>, parameters: SimulatedRobotParameters) {
    this.#context = context;
    this.#parameters = parameters;
    this.#joints = context.publisher("joint_states", "sensor_msgs/msg/JointState", SENSOR_QOS);
    this.#episodes = context.publisher("episode", "latentloop_msgs/msg/EpisodeEvent");
    this.#images = new Map(
      parameters.cameras.map((name) => [
        name,
        context.publisher(`${name}/image_raw`, "sensor_msgs/msg/Image", SENSOR_QOS),
      ]),
    );
  }

  static async start(context: NodeContext<RosMessages>, parameters: SimulatedRobotParameters): Promise<SimulatedWorld> {
    const world = new SimulatedWorld(context, parameters);
    const size = { width: parameters.imageSize, height: parameters.imageSize };
    const robot = await RealtimeRobot.start({
      task: parameters.task,
      environment: {
        imageSizes: Object.fromEntries(parameters.cameras.map((name) => [name, size])),
        seed: parameters.seed,
        shift: shiftOf(parameters.shift),
      },
      clock: context.clock,
      imageRateHz: parameters.imageRateHz,
      seed: parameters.seed,
      ports: {
        onJointState: (names, positions, velocities, stampNs) =>
          world.#joints.publish({
            header: makeHeader(stampNs),
            name: [...names],
            position: positions,
            velocity: velocities,
            effort: [],
          }),
        onImage: (camera, pixels, stampNs) => world.#publishImage(camera, pixels, stampNs),
        onScore: (score, stampNs) => world.#publishScore(score, stampNs),
        onError: (error, fatal) =>
          context.log.error(error.message, {
            code: error.code,
            consequence: fatal ? "the simulation ended" : "ignored",
          }),
      },
    });
    world.#robot = robot;
    world.#listen(robot.robot);
    world.#publishCalibration(robot);
    return world;
  }

  async close(): Promise<void> {
    await this.#robot?.close();
  }

  #listen({ commandInterface, joints }: RobotModel): void {
    this.#context.subscribe("commands", "std_msgs/msg/Float64MultiArray", ({ data }) =>
      this.#robot?.setCommand(commandInterface, data),
    );
    this.#context.serve("~/start_episode", () => this.#startEpisode());
    this.#context.serve("~/end_episode", () => this.#endEpisode());
    for (const [name, fault] of Object.entries(this.#rehearsals(joints.length))) {
      this.#context.serve(`~/${name}`, () => {
        this.#robot?.setFaults(fault);
        this.#robot?.setShift({ ...shiftOf(this.#parameters.shift), ...(name === "move_cameras" && MOVED_CAMERAS) });
        return { success: true, message: `${name} is in force.` };
      });
    }
    this.#context.diagnose("simulation", () => {
      const timing = this.#robot?.timing;
      return {
        level: timing === undefined ? "warn" : "ok",
        message: this.#parameters.task,
        values: Object.fromEntries(Object.entries(timing ?? {}).map(([name, value]) => [name, Number(value)])),
      };
    });
  }

  /** Faults to rehearse, by the service that brings each about; they replace one another. */
  #rehearsals(jointCount: number): Readonly<Record<string, Partial<Faults>>> {
    const { cameras } = this.#parameters;
    return {
      stop_cameras: { stoppedCameras: cameras },
      freeze_cameras: { frozenCameras: cameras },
      move_cameras: {},
      silence_joints: { silentJoints: true },
      reverse_joints: { jointOrder: Array.from({ length: jointCount }, (_, i) => jointCount - 1 - i) },
      jump_clock: { clockJumpNs: -3_600_000_000_000n },
      heal: {},
    };
  }

  #publishCalibration(robot: RealtimeRobot): void {
    const { clock } = this.#context;
    for (const model of robot.cameras.filter(({ name }) => this.#images.has(name))) {
      const publisher = this.#context.publisher(`${model.name}/camera_info`, "sensor_msgs/msg/CameraInfo");
      this.#context.every(CAMERA_INFO_PERIOD_MS, () =>
        publisher.publish(cameraModelToMessage(model, clock.rosNs(), opticalFrame(model.name))),
      );
    }
  }

  #publishImage(camera: string, data: Uint8Array, stampNs: bigint): void {
    const { imageSize } = this.#parameters;
    const image = {
      encoding: "rgb8",
      width: imageSize,
      height: imageSize,
      stride: 3 * imageSize,
      data,
      stampNs,
    } as const;
    this.#images.get(camera)?.publish(imageToMessage(image, opticalFrame(camera)));
  }

  #startEpisode(): TriggerResponse {
    if (this.#isRunning) return { success: false, message: `Episode ${this.#episode} has not ended.` };
    this.#robot?.retarget();
    this.#episode++;
    this.#step = 0;
    this.#endNs = this.#context.clock.monotonicNs() + this.#parameters.episodeSeconds * 1e9;
    this.#publishEvent("begin", { reward: 0, success: false }, this.#context.clock.rosNs());
    return { success: true, message: `Episode ${this.#episode} began.` };
  }

  #endEpisode(): TriggerResponse {
    if (!this.#isRunning) return { success: false, message: "No episode runs." };
    this.#endNs = Number.NEGATIVE_INFINITY;
    this.#step++;
    this.#publishEvent(
      "end",
      { reward: 0, success: this.#robot?.score?.success ?? false },
      this.#context.clock.rosNs(),
    );
    return { success: true, message: `Episode ${this.#episode} ended.` };
  }

  get #isRunning(): boolean {
    return this.#endNs > Number.NEGATIVE_INFINITY;
  }

  #publishScore(score: { reward: number; success: boolean }, stampNs: bigint): void {
    if (!this.#isRunning) return;
    this.#step++;
    const ended = this.#context.clock.monotonicNs() >= this.#endNs;
    if (ended) this.#endNs = Number.NEGATIVE_INFINITY;
    this.#publishEvent(ended ? "end" : "step", score, stampNs);
  }

  #publishEvent(kind: EpisodeKind, score: { reward: number; success: boolean }, stampNs: bigint): void {
    const note = kind === "begin" ? this.#parameters.task : "";
    const place = { episode: this.#episode, step: this.#step };
    this.#episodes.publish(makeEpisodeEvent(kind, stampNs, { ...place, ...score, note }));
  }
}
