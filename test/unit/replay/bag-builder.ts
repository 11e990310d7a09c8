import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { CameraModel } from "../../../src/core/camera.ts";
import { DEFAULT_QOS, SENSOR_QOS } from "../../../src/core/node.ts";
import {
  borrowSerialized,
  cameraModelToMessage,
  imageToMessage,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
} from "../../../src/messages/index.ts";
import { Recording, type RecordingOptions } from "../../../src/replay/recording.ts";

export const START_NS = 1_700_000_000_000_000_000n;
export const STEP_NS = 100_000_000n;
export const IMAGE_SIZE = 8;

export async function testFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface BagPlan extends Pick<RecordingOptions, "compression" | "splitBytes" | "splitNs"> {
  readonly folder: string;
  /** Steps of each episode; a negative number: so many, without an end. */
  readonly episodes: readonly number[];
  readonly firstEpisode?: number;
  readonly startNs?: bigint;
  readonly chunkBytes?: number;
  readonly customData?: Readonly<Record<string, string>>;
  /** What every episode asks for. */
  readonly task?: string;
  /** Episodes whose steps nobody scored. */
  readonly unscored?: readonly number[];
  /** What the camera says of itself; by default nothing. */
  readonly calibration?: CameraModel;
  /** Pixels of a step's image; by default `pixelOf` everywhere. */
  readonly paint?: (out: Uint8Array, episode: number, step: number) => void;
  /** Leaves the file as a killed recorder does: without index and metadata.yaml. */
  readonly unfinished?: boolean;
}

/** Value of every pixel of a step's image, so that a test can tell where it came from. */
export function pixelOf(episode: number, step: number): number {
  return (episode * 40 + step) % 251;
}

/** A bag of short episodes at 10 Hz with one camera, two joints, and ticks that carry the action (episode, step / 100). */
export async function buildBag(plan: BagPlan): Promise<Recording> {
  const { episodes, firstEpisode = 0, startNs = START_NS } = plan;
  const defaults = { chunkBytes: 2000, maxPendingBytes: 1e8, minFreeBytes: 0, customData: {} };
  const recording = await Recording.begin({ ...defaults, ...plan });
  const images = recording.addTopic("/scene/image_raw", "sensor_msgs/msg/Image", SENSOR_QOS);
  const joints = recording.addTopic("/joint_states", "sensor_msgs/msg/JointState", SENSOR_QOS);
  const ticks = recording.addTopic("/control/tick", "latentloop_msgs/msg/Tick", SENSOR_QOS);
  const events = recording.addTopic("/episode", "latentloop_msgs/msg/EpisodeEvent", DEFAULT_QOS);
  let nowNs = startNs;
  if (plan.calibration) {
    const info = cameraModelToMessage(plan.calibration, nowNs, "scene");
    const infos = recording.addTopic("/scene/camera_info", "sensor_msgs/msg/CameraInfo", DEFAULT_QOS);
    infos.write(borrowSerialized("sensor_msgs/msg/CameraInfo", info), nowNs, nowNs);
  }
  for (const [i, signedSteps] of episodes.entries()) {
    const episode = firstEpisode + i;
    const steps = Math.abs(signedSteps);
    for (let step = 0; step <= steps; step++, nowNs += STEP_NS) {
      const header = makeHeader(nowNs - 1_000_000n);
      const data = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE * 3).fill(pixelOf(episode, step));
      plan.paint?.(data, episode, step);
      const size = { width: IMAGE_SIZE, height: IMAGE_SIZE, stride: IMAGE_SIZE * 3 };
      const image = { encoding: "rgb8", ...size, data, stampNs: nowNs - 1_000_000n } as const;
      images.write(borrowSerialized("sensor_msgs/msg/Image", imageToMessage(image, "scene")), nowNs - 500_000n, nowNs);
      const joint = { header, name: ["a", "b"], position: [episode, step], velocity: [0, step / 2], effort: [] };
      joints.write(borrowSerialized("sensor_msgs/msg/JointState", joint), nowNs - 400_000n, nowNs);
      const isEnd = step === steps && signedSteps > 0;
      const event = makeEpisodeEvent(kindOfStep(step, signedSteps), nowNs, {
        episode,
        step,
        reward: step === 0 ? 0 : plan.unscored?.includes(episode) ? Number.NaN : step / 10,
        is_terminal: isEnd,
        success: isEnd && episode % 2 === 0,
        intervention: step === 2 || step === 3,
        note: step === 0 ? (plan.task ?? "größer greifen") : "",
      });
      events.write(borrowSerialized("latentloop_msgs/msg/EpisodeEvent", event), nowNs, nowNs);
      ticks.write(
        borrowSerialized("latentloop_msgs/msg/Tick", tickOf(episode, step, nowNs)),
        nowNs + 1_000_000n,
        nowNs,
      );
    }
    await recording.sync();
  }
  if (plan.unfinished !== true) await recording.end();
  return recording;
}

function tickOf(episode: number, step: number, nowNs: bigint) {
  return {
    header: makeHeader(nowNs + 1_000_000n),
    tick: BigInt(step),
    deadline_ns: 0,
    begin_ns: 0,
    command_ns: 0,
    status: 0,
    halt_cause: 0,
    rung: 0,
    limit_bits: 0,
    plan_id: 0n,
    model_hash: "abc",
    observation_stamp: makeHeader(nowNs).stamp,
    joint_state_age_ns: 0,
    plan_age_ns: 0,
    requested: [],
    command: [],
    executed_action: Float32Array.of(episode, step / 100),
  };
}
