import { calibrationHash } from "../cameras/index.ts";
import { LatentloopError } from "../core/errors.ts";
import { cameraModelFromMessage, deserializeMessage } from "../messages/index.ts";
import { cameraOfTopic, isImageType } from "./bag-image.ts";
import { type BagReader, chunkMessages } from "./bag-reader.ts";
import { EPISODE_TYPE, type Episode, EpisodeAssembler } from "./episodes.ts";
import { headerStampNs } from "./header-stamp.ts";
import { chooseJointTopic, isRobotJointTopic, JointTracks } from "./joint-tracks.ts";
import type { BagMessage, ChunkPlace, McapFileReader } from "./mcap-file-reader.ts";
import { Track, usualIntervalNs } from "./track.ts";

/** Where a recorded image lies. */
export interface ImagePlace {
  readonly path: string;
  readonly chunk: Pick<ChunkPlace, "offset" | "bytes">;
  /** Of the message record, within the chunk's uncompressed records. */
  readonly offset: number;
  readonly topic: string;
  readonly type: string;
}

export interface StampedImage {
  readonly stampNs: bigint;
  readonly value: ImagePlace;
}

/**
 * An episode as a table: N steps, N + 1 observations.
 *
 * Row i is what was known at event i: the newest image and joint state whose capture is not after it, joints by their names.
 * Action i is the mean of what was executed from event i to the next one. Reward i is that for arriving at row i, 0 at row 0.
 * Nothing in it is from another time: see `Track.freshAt`.
 * Shapes: stampsNs, reward, intervention [N + 1]; position, velocity [N + 1, J]; action [N, A]; provenance [N]
 */
export interface EpisodeTable {
  readonly bag: string;
  readonly episode: Episode;
  readonly stampsNs: readonly bigint[];
  readonly jointNames: readonly string[];
  readonly jointStampsNs: readonly bigint[];
  readonly position: Float64Array;
  /** Empty where none was recorded. */
  readonly velocity: Float64Array;
  readonly actionNames: readonly string[];
  readonly action: Float64Array;
  readonly reward: Float32Array;
  /** Of the cameras that had taken an image shortly before every event. */
  readonly images: Readonly<Record<string, readonly StampedImage[]>>;
  /** The other cameras of the bag, and what is missing. */
  readonly gaps: Readonly<Record<string, string>>;
  /** `model_hash` and `calibration_hash.<camera>` in force at each step, "" where there was none; only what was recorded. */
  readonly provenance: Readonly<Record<string, readonly string[]>>;
}

/** A whole episode of which no table can be made. */
export interface LeftOutEpisode {
  readonly bag: string;
  readonly number: number;
  readonly why: string;
}

const TICK_TYPE = "latentloop_msgs/msg/Tick";
const JOINT_TYPE = "sensor_msgs/msg/JointState";
const CALIBRATION_TYPE = "sensor_msgs/msg/CameraInfo";
const STRING_TYPE = "std_msgs/msg/String";
/** Topics by the end of their names. Actions that were no robot's commands (imported data) come as joint states. */
const ACTION_TOPIC = /(^|\/)action$/;
/** Imported data says in strings what a recording says in ticks and calibrations. */
const PROVENANCE_TOPIC = /(?:^|\/)provenance\/(.+)$/;
/** Where a camera is recorded twice, the rawest wins. */
const IMAGE_PREFERENCE = ["image_raw", "image_raw/compressed", "image/compressed", "image", "image_model"];

/** What is not older than so many of the episode's steps is never stale: steps may come slowly. */
const STEPS_AT_LEAST = 2;

interface Action {
  readonly names: readonly string[];
  readonly values: ArrayLike<number>;
}

/** Gathers the signals of a bag, chunk by chunk as they are written, and cuts them into episodes. */
export class EpisodeTables {
  readonly bag: BagReader;
  readonly #readChunks = new Map<McapFileReader, number>();
  readonly #images = new Map<string, Track<ImagePlace>>();
  readonly #joints = new Map<string, JointTracks>();
  readonly #tickTopics = new Set<string>();
  readonly #ticks = new Track<Action>();
  readonly #actions = new Track<Action>();
  readonly #provenance = new Map<string, Track<string>>();
  readonly #assembler = new EpisodeAssembler();

  constructor(bag: BagReader) {
    this.bag = bag;
  }

  /** Reads the chunks that are new since the last call. */
  async advance(): Promise<void> {
    for (const file of this.bag.files) {
      for (let i = this.#readChunks.get(file) ?? 0; i < file.chunks.length; i++) {
        const chunk = file.chunks[i]!;
        const { offset, bytes } = chunk;
        for (const message of await chunkMessages(file, chunk, {})) this.#take(message, file.path, { offset, bytes });
        this.#readChunks.set(file, i + 1);
      }
    }
  }

  /** All episodes so far, the last one perhaps not closed. */
  get episodes(): readonly Episode[] {
    return this.#assembler.all();
  }

  /**
   * @throws ERR_BAG_TOPIC if no joint states or no actions were recorded, or several robots' were
   * @throws ERR_EPISODE_GAP if there is none shortly before a step
   */
  table(episode: Episode): EpisodeTable {
    const stampsNs = episode.steps.map(({ stampNs }) => stampNs);
    const leastNs = STEPS_AT_LEAST * usualIntervalNs(stampsNs);
    const joints = this.#robotJoints();
    const rows = stampsNs.map((ns, i) => {
      const row = joints.rowAt(ns, leastNs);
      return "missing" in row ? this.#gap(episode, i, `a state of the joint ${row.missing}`) : row;
    });
    const velocities = rows.flatMap(({ velocity }) => velocity);
    const actions = stampsNs
      .slice(0, -1)
      .map(
        (ns, i) => this.#actionBetween(ns, stampsNs[i + 1]!, leastNs) ?? this.#gap(episode, i, "an executed action"),
      );
    const actionNames = actions[0]?.names ?? [];
    return {
      bag: this.bag.path,
      episode,
      stampsNs,
      jointNames: joints.names,
      jointStampsNs: rows.map(({ stampNs }) => stampNs),
      position: Float64Array.from(rows.flatMap(({ position }) => position)),
      velocity: velocities.every(Number.isNaN) ? new Float64Array() : Float64Array.from(velocities),
      actionNames,
      action: stack(
        actions.map(({ values }) => values),
        actionNames.length,
      ),
      reward: Float32Array.from(episode.steps, ({ reward }) => reward),
      ...this.#imagesAt(stampsNs, leastNs),
      provenance: Object.fromEntries(
        [...this.#provenance].map(([name, track]) => [
          name,
          stampsNs.slice(0, -1).map((ns, i) => inForce(track, ns, stampsNs[i + 1]!)),
        ]),
      ),
    };
  }

  #take(message: BagMessage, path: string, chunk: ImagePlace["chunk"]): void {
    const { topic, type, data, logTimeNs, offset } = message;
    if (isImageType(type)) {
      let track = this.#images.get(topic);
      if (track === undefined) this.#images.set(topic, (track = new Track()));
      track.add(headerStampNs(type, data) || logTimeNs, { path, chunk, offset, topic, type });
    } else if (type === EPISODE_TYPE) {
      this.#assembler.add(deserializeMessage(EPISODE_TYPE, data), logTimeNs);
    } else if (type === TICK_TYPE) {
      const { executed_action: values, model_hash: hash } = deserializeMessage(TICK_TYPE, data);
      this.#tickTopics.add(topic);
      this.#provenanceOf("model_hash").add(headerStampNs(type, data)!, hash);
      if (values.length === 0) return;
      const names = Array.from(values, (_, i) => `action_${i}`);
      this.#ticks.add(headerStampNs(type, data)!, { names, values: Float32Array.from(values) });
    } else if (type === JOINT_TYPE && isRobotJointTopic(topic)) {
      let tracks = this.#joints.get(topic);
      if (tracks === undefined) this.#joints.set(topic, (tracks = new JointTracks()));
      tracks.add(headerStampNs(type, data) || logTimeNs, deserializeMessage(JOINT_TYPE, data));
    } else if (type === JOINT_TYPE && ACTION_TOPIC.test(topic)) {
      const { name: names, position: values } = deserializeMessage(JOINT_TYPE, data);
      this.#actions.add(headerStampNs(type, data)!, { names, values });
    } else if (type === CALIBRATION_TYPE) {
      const camera = cameraOfTopic(topic.replace(/\/camera_info$/, ""));
      const info = deserializeMessage(type, data);
      // An uncalibrated camera says so with k[0] = 0.
      const hash = info.k[0] === 0 ? "" : calibrationHash(cameraModelFromMessage(camera, info));
      this.#provenanceOf(`calibration_hash.${camera.replaceAll("/", ".")}`).add(headerStampNs(type, data)!, hash);
    } else if (type === STRING_TYPE) {
      const name = PROVENANCE_TOPIC.exec(topic)?.[1]?.replaceAll("/", ".");
      if (name !== undefined) this.#provenanceOf(name).add(logTimeNs, deserializeMessage(type, data).data);
    }
  }

  #provenanceOf(name: string): Track<string> {
    let track = this.#provenance.get(name);
    if (track === undefined) this.#provenance.set(name, (track = new Track()));
    return track;
  }

  #robotJoints(): JointTracks {
    const topic = chooseJointTopic([...this.#joints.keys()], [...this.#tickTopics], this.bag.path);
    return topic === undefined ? missing(this.bag.path, "joint_states") : this.#joints.get(topic)!;
  }

  #imagesAt(stampsNs: readonly bigint[], leastNs: number): Pick<EpisodeTable, "images" | "gaps"> {
    const images: Record<string, readonly StampedImage[]> = {};
    const gaps: Record<string, string> = {};
    for (const [camera, track] of this.#cameraTracks()) {
      const found = stampsNs.map((ns) => track.freshAt(ns, leastNs));
      const gap = found.indexOf(undefined);
      if (gap < 0) images[camera] = found as StampedImage[];
      else gaps[camera] = `there is no image of ${camera} shortly before step ${gap}`;
    }
    return { images, gaps };
  }

  #gap({ number }: Episode, step: number, what: string): never {
    throw new LatentloopError(
      "ERR_EPISODE_GAP",
      `Expected ${what} shortly before step ${step} of episode ${number} in ${this.bag.path} but there is none.`,
      { remedy: "Discard episodes in which the robot's driver or the control loop stood still." },
    );
  }

  /** Undefined if there is none then or shortly before. */
  #actionBetween(startNs: bigint, endNs: bigint, leastNs: number): Action | undefined {
    const track = this.#actions.length > 0 ? this.#actions : this.#ticks;
    if (track.length === 0) missing(this.bag.path, "control/tick (or action)");
    const during = track.between(startNs, endNs);
    if (during.length === 1) return during[0]!;
    if (during.length === 0) return track.freshAt(startNs, leastNs)?.value;
    const last = during.at(-1)!;
    const values = new Float64Array(last.values.length);
    for (const { values: each } of during)
      for (let i = 0; i < values.length; i++) values[i]! += each[i]! / during.length;
    return { names: last.names, values };
  }

  /** One track per camera that has images. */
  #cameraTracks(): ReadonlyMap<string, Track<ImagePlace>> {
    const chosen = new Map<string, { rank: number; track: Track<ImagePlace> }>();
    for (const [topic, track] of this.#images) {
      const camera = cameraOfTopic(topic);
      const place = IMAGE_PREFERENCE.findIndex((ending) => topic.endsWith(`/${ending}`));
      const rank = place < 0 ? IMAGE_PREFERENCE.length : place;
      if (rank < (chosen.get(camera)?.rank ?? Number.POSITIVE_INFINITY)) chosen.set(camera, { rank, track });
    }
    return new Map([...chosen].map(([camera, { track }]) => [camera, track]));
  }
}

/**
 * An episode as a table, or why there is none.
 * @throws ERR_BAG_TOPIC if nothing was recorded that a table needs
 */
export function tableOf(tables: EpisodeTables, episode: Episode): EpisodeTable | LeftOutEpisode {
  try {
    return tables.table(episode);
  } catch (error) {
    if (!(error instanceof LatentloopError && error.code === "ERR_EPISODE_GAP")) throw error;
    return { bag: tables.bag.path, number: episode.number, why: error.message };
  }
}

/** What a step was done with: the last that was said during it, ticks without a plan aside, or before it. */
function inForce(track: Track<string>, startNs: bigint, endNs: bigint): string {
  const during = track.between(startNs, endNs);
  return during.findLast((hash) => hash !== "") ?? during.at(-1) ?? track.newestAt(startNs)?.value ?? "";
}

function stack(rows: readonly ArrayLike<number>[], width: number): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    for (let k = 0; k < width; k++) out[i * width + k] = row[k] ?? Number.NaN;
  });
  return out;
}

function missing(bag: string, topic: string): never {
  throw new LatentloopError("ERR_BAG_TOPIC", `Expected ${topic} in ${bag} but nothing was recorded there.`, {
    remedy: "Record it with the episodes: the recorder's parameter `topics`.",
  });
}
