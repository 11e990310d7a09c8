import { DEFAULT_QOS, SENSOR_QOS } from "../../src/core/node.ts";
import { Rng } from "../../src/core/rng.ts";
import {
  borrowSerialized,
  imageToMessage,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
  type RosMessages,
  type RosType,
} from "../../src/messages/index.ts";
import { Recording } from "../../src/replay/recording.ts";
import { DotWorld } from "./dot-world.ts";

const START_NS = 1_700_000_000_000_000_000n;

export interface DotRecording {
  readonly folder: string;
  readonly episodes: number;
  readonly seed: number;
  /** What the episodes ask for. */
  readonly task?: string;
}

/** A bag of random episodes in the dot world, as a robot with a camera would have recorded them. */
export async function recordDotWorld({ folder, episodes, seed, task = "dot" }: DotRecording): Promise<void> {
  const world = new DotWorld();
  const { length } = world.actionSpace.dimensions;
  const policy = world.randomPolicy(new Rng(seed));
  const stepNs = BigInt(1e9 / world.controlRateHz);
  const recording = await Recording.begin({
    folder,
    chunkBytes: 1e5,
    maxPendingBytes: 1e9,
    minFreeBytes: 0,
    customData: {},
  });
  const writer = <T extends RosType>(name: string, type: T, qos = SENSOR_QOS) => {
    const topic = recording.addTopic(name, type, qos);
    return (message: RosMessages[T], ns: bigint) => topic.write(borrowSerialized(type, message), ns, ns);
  };
  const writeImage = writer("/scene/image_raw", "sensor_msgs/msg/Image");
  const writeJoints = writer("/joint_states", "sensor_msgs/msg/JointState");
  const writeAction = writer("/action", "sensor_msgs/msg/JointState");
  const writeEvent = writer("/episode", "latentloop_msgs/msg/EpisodeEvent", DEFAULT_QOS);
  let ns = START_NS;
  for (let episode = 0; episode < episodes; episode++) {
    world.reset(seed + episode);
    let score = { reward: 0, success: false };
    for (let step = 0; step <= world.episodeSteps; step++, ns += stepNs) {
      const isEnd = step === world.episodeSteps;
      const data = new Uint8Array(64 * 64 * 3);
      world.renderInto("scene", data);
      const image = { encoding: "rgb8", width: 64, height: 64, stride: 192, data, stampNs: ns } as const;
      writeImage(imageToMessage(image, "scene"), ns);
      const header = makeHeader(ns);
      writeJoints({ header, name: ["x", "y"], position: [...world.position], velocity: [], effort: [] }, ns);
      const kind = kindOfStep(step, world.episodeSteps);
      const note = step === 0 ? task : "";
      writeEvent(makeEpisodeEvent(kind, ns, { episode, step, ...score, note }), ns);
      if (isEnd) continue;
      const action = new Float32Array(length);
      policy(action);
      writeAction({ header, name: ["x", "y"], position: [...action], velocity: [], effort: [] }, ns);
      const { reward, success } = world.step(action);
      score = { reward, success };
    }
  }
  await recording.end();
}
