import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import { LatentloopError, messageOf } from "../core/errors.ts";
import {
  DEFAULT_QOS,
  type Diagnosis,
  LATCHED_QOS,
  type LifecycleNode,
  type NodeContext,
  type Publisher,
  type Subscription,
} from "../core/node.ts";
import { isRosType, type RosMessages } from "../messages/index.ts";
import { COMPRESSIONS } from "../replay/chunk-compression.ts";
import { type RecordedTopic, Recording } from "../replay/recording.ts";
import { workerNode } from "./worker-node.ts";

const topicSchema = z.strictObject({
  name: z.string().min(1).meta({ description: "Topic, as a node would name it.", readOnly: true }),
  type: z
    .string()
    .refine(isRosType, "Expected a message type that we know")
    .meta({ description: "ROS name of its message type, e.g. sensor_msgs/msg/Image.", readOnly: true }),
  depth: z.int().min(1).default(64).meta({ description: "Messages that may wait for the recorder.", readOnly: true }),
  latched: z
    .boolean()
    .default(false)
    .meta({ description: "Whether its publisher latches (transient_local).", readOnly: true }),
});

export const recorderParameters = z.strictObject({
  folder: z.string().default("runs").meta({ description: "Folder below which each recording gets one of its own." }),
  prefix: z
    .string()
    .regex(/^[\w.-]+$/, "Expected letters, digits, '_', '.' and '-'")
    .default("latentloop")
    .meta({ description: "Begin of the recording's folder name; date and time (UTC) follow." }),
  topics: z.array(topicSchema).min(1).meta({ description: "What is recorded.", readOnly: true }),
  chunkKilobytes: z.number().min(1).default(768).meta({ description: "Size at which a chunk is written.", unit: "kB" }),
  maxPendingMegabytes: z
    .number()
    .min(1)
    .default(256)
    .meta({ description: "Memory for messages that the disk has not taken yet.", unit: "MB" }),
  minFreeMegabytes: z
    .number()
    .min(0)
    .default(512)
    .meta({ description: "The recording ends before the disk has less than this.", unit: "MB" }),
  compression: z
    .enum(COMPRESSIONS)
    .default("none")
    .meta({ description: "How chunks are stored. Raw images shrink; JPEG does not, and is then left as it is." }),
  splitMegabytes: z.number().min(0).default(0).meta({
    description: "Size at which another file begins, between two episodes; in one only at twice that. 0: never.",
    unit: "MB",
  }),
  splitMinutes: z.number().min(0).default(60).meta({
    description: "Time after which another file begins, likewise; bounds the memory for the file's index. 0: never.",
    unit: "min",
  }),
  customData: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: "Written into metadata.yaml, e.g. a session name." }),
  hashedFiles: z.array(z.string()).default([]).meta({
    description: "Files whose sha256 is written into metadata.yaml: a model's manifest, a robot's calibration.",
    readOnly: true,
  }),
});
export type RecorderParameters = z.output<typeof recorderParameters>;

/** A chunk is closed at least this often: half of the 100 ms that a killed recorder may lose, the disk has the rest. */
const FLUSH_PERIOD_MS = 50;
const DISK_CHECK_PERIOD_MS = 1000;
/** What other nodes published while they stopped is still on its way for so long. */
const LAST_MESSAGES_MS = 100;

/**
 * Records topics into a bag from activation to deactivation.
 *
 * Publishes, latched, `~/path` (the bag's folder) and `~/recording`: false while not every message is recorded, because the
 * disk is full, failed, or is so slow that messages had to be dropped. An episode should stop then; the control loop goes on.
 */
export function createRecorder(context: NodeContext<RosMessages>, parameters: RecorderParameters): LifecycleNode {
  return workerNode(() => new Recorder(context, parameters));
}

interface Source {
  readonly subscription: Subscription;
  /** Drops of the subscription before this recording began. */
  droppedBefore: number;
  target: RecordedTopic | undefined;
}

class Recorder {
  readonly #context: NodeContext<RosMessages>;
  readonly #parameters: RecorderParameters;
  readonly #path: Publisher<{ data: string }>;
  readonly #recordingState: Publisher<{ data: boolean }>;
  readonly #sources: readonly Source[];
  #recording: Recording | undefined;
  #said: boolean | undefined;
  #trouble = "";

  constructor(context: NodeContext<RosMessages>, parameters: RecorderParameters) {
    this.#context = context;
    this.#parameters = parameters;
    this.#path = context.publisher("~/path", "std_msgs/msg/String", LATCHED_QOS);
    this.#recordingState = context.publisher("~/recording", "std_msgs/msg/Bool", LATCHED_QOS);
    this.#sources = parameters.topics.map((topic) => this.#subscribe(topic));
    context.every(FLUSH_PERIOD_MS, () => this.#flush());
    context.every(DISK_CHECK_PERIOD_MS, () => void this.#checkDisk());
    context.diagnose("recording", () => this.#diagnosis());
  }

  async begin(): Promise<void> {
    const { folder, prefix, topics, customData, hashedFiles, splitMegabytes, splitMinutes, ...limits } =
      this.#parameters;
    const recording = await Recording.begin({
      folder: join(folder, `${prefix}_${dateAndTime(this.#context.clock.rosNs())}`),
      chunkBytes: limits.chunkKilobytes * 1024,
      maxPendingBytes: limits.maxPendingMegabytes * 1e6,
      minFreeBytes: limits.minFreeMegabytes * 1e6,
      compression: limits.compression,
      ...(splitMegabytes > 0 ? { splitBytes: splitMegabytes * 1e6 } : {}),
      ...(splitMinutes > 0 ? { splitNs: BigInt(Math.round(splitMinutes * 60e9)) } : {}),
      customData: { ...customData, ...(await hashesOf(hashedFiles)) },
    });
    this.#sources.forEach((source, i) => {
      const { type, depth, latched } = topics[i]!;
      const durability = latched ? "transient_local" : "volatile";
      source.droppedBefore = source.subscription.dropped;
      source.target = recording.addTopic(source.subscription.topic, type, { ...DEFAULT_QOS, durability, depth });
    });
    this.#recording = recording;
    this.#path.publish({ data: recording.folder });
    this.#say();
  }

  async end(): Promise<void> {
    const recording = this.#recording;
    if (recording === undefined) return;
    await delay(LAST_MESSAGES_MS);
    await turn(); // what came while this thread was kept from running is heard in this one
    this.#recording = undefined;
    for (const source of this.#sources) {
      source.target?.lose(source.subscription.dropped - source.droppedBefore);
      source.target = undefined;
    }
    this.#say();
    await recording.end();
    this.#context.log.info(`Recorded ${recording.messageCount} messages into ${recording.folder}`);
  }

  #subscribe({ name, type, depth, latched }: RecorderParameters["topics"][number]): Source {
    const source: Source = {
      subscription: this.#context.subscribeSerialized(
        name,
        type,
        (cdr, { receivedStampNs, sourceStampNs }) => source.target?.write(cdr, receivedStampNs, sourceStampNs),
        { ...DEFAULT_QOS, durability: latched ? "transient_local" : "volatile", depth },
      ),
      droppedBefore: 0,
      target: undefined,
    };
    return source;
  }

  #flush(): void {
    this.#recording?.flush();
    this.#say();
  }

  async #checkDisk(): Promise<void> {
    try {
      await this.#recording?.checkDisk();
      this.#trouble = "";
    } catch (error) {
      this.#trouble = messageOf(error);
    }
  }

  /** Says so whenever messages begin or cease to be recorded, whatever the reason. */
  #say(): void {
    const recording = this.#recording;
    const runs = recording !== undefined && recording.stopped === undefined && !recording.overflowing;
    if (runs === this.#said) return;
    this.#said = runs;
    this.#recordingState.publish({ data: runs });
    if (recording === undefined || runs) return;
    const reason = recording.stopped ?? "the disk is too slow, messages are dropped";
    const { code, message } = new LatentloopError("ERR_RECORDING", `The recording stopped: ${reason}.`);
    this.#context.log.error(message, { code, folder: recording.folder });
  }

  #diagnosis(): Diagnosis {
    const recording = this.#recording;
    if (recording === undefined) return { level: "ok", message: "not recording", values: {} };
    const dropped = this.#sources.map(({ subscription, droppedBefore, target }) => {
      const count = subscription.dropped - droppedBefore + (target?.dropped ?? 0);
      return [`dropped ${subscription.topic}`, count] as const;
    });
    const values = {
      folder: recording.folder,
      messages: recording.messageCount,
      pending_megabytes: (recording.pendingBytes / 1e6).toFixed(1),
      ...Object.fromEntries(dropped.filter(([, count]) => count > 0)),
    };
    if (recording.stopped !== undefined) return { level: "error", message: recording.stopped, values };
    if (this.#trouble !== "") return { level: "warn", message: this.#trouble, values };
    return dropped.some(([, count]) => count > 0)
      ? { level: "warn", message: "messages were dropped", values }
      : { level: "ok", message: "recording", values };
  }
}

/** Custom data that says what the files held. @throws ERR_FILE_UNREADABLE */
async function hashesOf(paths: readonly string[]): Promise<Record<string, string>> {
  const entries = paths.map(async (path) => {
    const content = await readFile(path).catch((cause: unknown) => {
      throw new LatentloopError("ERR_FILE_UNREADABLE", `Expected a file to hash at ${path}: ${messageOf(cause)}.`, {
        cause,
        remedy: "Correct the recorder's parameter hashedFiles.",
      });
    });
    return [`sha256 ${path}`, createHash("sha256").update(content).digest("hex")] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** "2025-11-20_07-51-20", UTC. */
function dateAndTime(stampNs: bigint): string {
  return new Date(Number(stampNs / 1_000_000n)).toISOString().slice(0, 19).replace("T", "_").replaceAll(":", "-");
}
