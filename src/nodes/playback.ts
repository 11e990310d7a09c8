import { setTimeout as delay } from "node:timers/promises";
import { LatentloopError } from "../core/errors.ts";
import { LATCHED_QOS, type NodeContext, type Publisher, SENSOR_QOS } from "../core/node.ts";
import { isRosType, type RosMessages } from "../messages/index.ts";
import type { BagReader, BagTopicName } from "../replay/bag-reader.ts";

export interface PlaybackOptions {
  /** 1: as recorded; 2: twice as fast. */
  readonly speed: number;
  /** Only these; all that do not move a robot by default. */
  readonly topics?: readonly string[];
  /** Whether topics that move a robot are played too. */
  readonly commands: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (secondsPlayed: number) => void;
}

export interface PlaybackResult {
  readonly messages: number;
  readonly seconds: number;
  /** How late messages left, at most and in the mean. */
  readonly worstLateMs: number;
  readonly meanLateMs: number;
  /** Topics left out because they move a robot, or because we do not know their type. */
  readonly leftOut: readonly string[];
}

/** A controller obeys messages of these types, whatever their topic is called. */
const COMMAND_TYPES = new Set([
  "std_msgs/msg/Float64MultiArray",
  "trajectory_msgs/msg/JointTrajectory",
  "control_msgs/msg/JointJog",
  "geometry_msgs/msg/TwistStamped",
  "geometry_msgs/msg/PoseStamped",
  "latentloop_msgs/msg/Plan",
  "sensor_msgs/msg/Joy",
]);
/** What an operator moves or lets the robot go with: a live teleop or control node obeys a recorded one as a living one's. */
const OPERATOR_TOPIC = /(^|\/)(leader\/joint_states|keys|joy|twist|heartbeat|estop)$/;
const LATCHED_PROFILE = "durability: 1";

export function movesRobot({ topic, type }: BagTopicName): boolean {
  return COMMAND_TYPES.has(type) || OPERATOR_TOPIC.test(topic);
}

/**
 * Publishes a bag's messages again, byte for byte, at the distances in time at which they were received.
 *
 * Topics that move a robot stay out unless `commands` says otherwise.
 * @throws ERR_PLAYBACK if a topic is asked for that the bag lacks, or that moves a robot
 */
export async function playBag(
  bag: BagReader,
  context: NodeContext<RosMessages>,
  { speed, topics, commands, signal, onProgress }: PlaybackOptions,
): Promise<PlaybackResult> {
  const chosen = chooseTopics(bag, topics, commands);
  const publishers = new Map<string, Publisher<unknown>>();
  for (const { topic, type } of chosen) {
    const latched = isLatched(bag, topic);
    if (isRosType(type)) publishers.set(topic, context.publisher(topic, type, latched ? LATCHED_QOS : SENSOR_QOS));
  }
  const { clock } = context;
  const startNs = clock.monotonicNs();
  let firstNs: bigint | undefined;
  let messages = 0;
  let [worstLateMs, sumLateMs, seconds] = [0, 0, 0];
  for await (const { topic, data, logTimeNs } of bag.messagesInTime({ topics: new Set(publishers.keys()) })) {
    firstNs ??= logTimeNs;
    seconds = Number(logTimeNs - firstNs) / 1e9;
    const dueNs = startNs + (seconds * 1e9) / speed;
    const earlyMs = (dueNs - clock.monotonicNs()) / 1e6;
    if (earlyMs > 0.5) await delay(earlyMs, undefined, signal ? { signal } : {}).catch(() => {});
    if (signal?.aborted) break;
    publishers.get(topic)?.publishSerialized(data);
    const lateMs = Math.max(0, (clock.monotonicNs() - dueNs) / 1e6);
    worstLateMs = Math.max(worstLateMs, lateMs);
    sumLateMs += lateMs;
    messages++;
    onProgress?.(seconds);
  }
  const leftOut = bag.topics.map(({ topic }) => topic).filter((topic) => !publishers.has(topic));
  return { messages, seconds, worstLateMs, meanLateMs: messages === 0 ? 0 : sumLateMs / messages, leftOut };
}

function chooseTopics(bag: BagReader, asked: readonly string[] | undefined, commands: boolean) {
  const missing = asked?.filter((name) => !bag.topics.some(({ topic }) => topic === name)) ?? [];
  if (missing.length > 0) {
    const known = bag.topics.map(({ topic }) => topic).join(", ");
    throw new LatentloopError("ERR_PLAYBACK", `Expected ${missing.join(", ")} in ${bag.path} but it has ${known}.`);
  }
  const wanted = bag.topics.filter(({ topic }) => asked?.includes(topic) ?? true);
  const refused = wanted.filter((topic) => !commands && movesRobot(topic));
  if (asked !== undefined && refused.length > 0) {
    throw new LatentloopError(
      "ERR_PLAYBACK",
      `Expected topics that move nothing but ${refused.map(({ topic }) => topic).join(", ")} may command a robot.`,
      { remedy: "Add --commands if whatever listens may move." },
    );
  }
  return wanted.filter((topic) => !refused.includes(topic));
}

function isLatched(bag: BagReader, topic: string): boolean {
  return bag.files.some(({ channels }) =>
    [...channels.values()].some(
      (each) =>
        each.topic === topic && (each.channel.metadata.get("offered_qos_profiles") ?? "").includes(LATCHED_PROFILE),
    ),
  );
}
