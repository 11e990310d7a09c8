import type { Manifest } from "../../config/manifest.ts";
import { LatentloopError } from "../../core/errors.ts";
import { bindProprioception } from "../../core/proprioception.ts";
import { Samples } from "../../math/samples.ts";
import { FrameSource } from "../../replay/frame-source.ts";
import { type IndexedEpisode, ReplayIndex } from "../../replay/replay-index.ts";
import { EpisodeStore, type StoredEpisode } from "./episode-store.ts";

/** What a model senses and does, and the tasks that it was measured on: a manifest says it. */
export type RecordedSpaces = Pick<Manifest, "observation" | "action" | "policyRateHz"> & {
  readonly evaluation: readonly { readonly task: string }[];
};

/** How far the time between a recording's steps may be from the model's. */
const RATE_TOLERANCE = 0.2;
/** Frames that are decoded in one go. */
const PIECE = 64;
/** What the replay calls an action dimension that was recorded without its name. */
const UNNAMED = /^action_\d+$/;
/** An episode's note is what it asks for: the name of a task, or a sentence, of which nothing can be said. */
const TASK_NAME = /^[a-z][a-z0-9-]*$/;

/** An empty store for what a model of this manifest senses and does. */
export function storeForManifest({ observation, action }: RecordedSpaces, frames: number): EpisodeStore {
  const { cameras, proprioception } = observation;
  return new EpisodeStore(
    {
      imageBytes: Object.fromEntries(cameras.map(({ name, width, height }) => [name, width * height * 3])),
      proprioceptionSize: proprioception.length,
      actionSize: action.dimensions.length,
    },
    frames,
  );
}

/**
 * Reads recorded episodes as a model of a manifest sees them: the same image path with the same crop and calibration, the same
 * proprioception, the actions that were executed.
 */
export class ReplayReader {
  readonly index: ReplayIndex;
  readonly #replay: string;
  readonly #spaces: RecordedSpaces;
  readonly #frames: FrameSource;
  /** Why the first episode was left out. */
  #leftOut: LatentloopError | undefined;

  private constructor(replay: string, spaces: RecordedSpaces, index: ReplayIndex, frames: FrameSource) {
    this.#replay = replay;
    this.#spaces = spaces;
    this.index = index;
    this.#frames = frames;
  }

  /**
   * @param replay a bag, or a folder of bags, also one that is being written
   * @throws ERR_BAG_UNREADABLE, ERR_BAG_DAMAGED; ERR_REPLAY_MISMATCH if a camera was calibrated otherwise
   */
  static async open(replay: string, spaces: RecordedSpaces): Promise<ReplayReader> {
    const index = await ReplayIndex.open(replay);
    try {
      return new ReplayReader(replay, spaces, index, await openFrames(replay, index, spaces));
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  /**
   * Adds an episode to a store. Nothing of a recording says who chose the actions or from where an episode starts, so each
   * counts as a policy's that began anew. One whose steps usually come at another rate is left out, because a machine may have
   * been too busy then, and so is one in which a camera stood still: `requireSome` says whether that was so with all.
   * @throws ERR_REPLAY_MISMATCH if it is not of the model's task, robot and cameras: the sentence names the field
   */
  async readInto(store: EpisodeStore, episode: IndexedEpisode): Promise<StoredEpisode | undefined> {
    this.#check(episode);
    const unfit = this.#checkRate(episode) ?? this.#checkImages(episode);
    if (unfit) {
      this.#leftOut ??= unfit;
      return undefined;
    }
    store.reserve(episode.frames);
    const first = store.frames;
    for (const { name } of this.#spaces.observation.cameras) {
      const bytes = store.sizes.imageBytes[name]!;
      for (let row = 0; row < episode.frames; row += PIECE) {
        const count = Math.min(PIECE, episode.frames - row);
        const frames = Array.from({ length: count }, (_, i) => episode.firstFrame + row + i);
        const out = store.images[name]!.subarray((first + row) * bytes, (first + row + count) * bytes);
        await this.#frames.copyInto(name, frames, out);
      }
    }
    return copyStates(store, episode, this.#spaces);
  }

  /** @throws ERR_REPLAY_MISMATCH if episodes were left out and the stores have none; ERR_REPLAY_EMPTY if there were none */
  requireSome(...stores: readonly EpisodeStore[]): void {
    if (stores.some(({ episodes }) => episodes.length > 0)) return;
    throw this.#leftOut ?? emptyReplay(this.#replay, this.index.leftOut[0]?.why);
  }

  async close(): Promise<void> {
    await this.#frames.close();
    await this.index.close();
  }

  #check({ table }: IndexedEpisode): void {
    const { observation, action, evaluation } = this.#spaces;
    const tasks = new Set(evaluation.map(({ task }) => task));
    const { task } = table.episode;
    if (TASK_NAME.test(task) && tasks.size > 0 && !tasks.has(task)) {
      throw this.#mismatch(`task ${[...tasks].join(", ")}`, `an episode of ${table.bag} is of ${task}`);
    }
    for (const { name } of observation.cameras) {
      if (name in table.images || name in table.gaps) continue;
      const known = Object.keys({ ...table.images, ...table.gaps }).join(", ") || "none";
      throw this.#mismatch(`the camera ${name}`, `the cameras of ${table.bag} are: ${known}`);
    }
    const wanted = action.dimensions.map(({ name }) => name);
    const names = table.actionNames;
    const renamed = names.some((name, i) => name !== wanted[i] && !UNNAMED.test(name));
    if (names.length !== wanted.length || renamed) {
      throw this.#mismatch(
        `${wanted.length} action dimensions (${wanted.join(", ")})`,
        `${table.bag} has ${names.length} (${names.join(", ")})`,
      );
    }
    try {
      bindProprioception(observation.proprioception, table.jointNames, wanted);
    } catch (cause) {
      if (!(cause instanceof LatentloopError)) throw cause;
      const joints = table.jointNames.join(", ");
      throw this.#mismatch(`the model's proprioception`, `the joints of ${table.bag} are ${joints}`, cause);
    }
  }

  #checkRate({ table: { bag, stampsNs } }: IndexedEpisode): LatentloopError | undefined {
    const { policyRateHz } = this.#spaces;
    const rateHz = 1e9 / medianIntervalNs(stampsNs);
    if (Math.abs(rateHz / policyRateHz - 1) <= RATE_TOLERANCE) return undefined;
    return this.#mismatch(`steps at ${policyRateHz} Hz`, `those of ${bag} come at ${rateHz.toFixed(1)} Hz`);
  }

  #checkImages({ table }: IndexedEpisode): LatentloopError | undefined {
    for (const { name } of this.#spaces.observation.cameras) {
      const gap = table.gaps[name];
      const { number } = table.episode;
      if (gap) return this.#mismatch(`images of ${name}`, `in episode ${number} of ${table.bag}, ${gap}`);
    }
    return undefined;
  }

  #mismatch(expected: string, found: string, cause?: LatentloopError): LatentloopError {
    return mismatch(this.#replay, expected, found, cause);
  }
}

async function openFrames(replay: string, index: ReplayIndex, { observation }: RecordedSpaces): Promise<FrameSource> {
  const sizes = [];
  for (const { name: camera, width, height, crop, colorOrder, calibrationSha256 } of observation.cameras) {
    const calibration =
      calibrationSha256 === null ? undefined : await findCalibration(replay, index, camera, calibrationSha256);
    sizes.push({ camera, width, height, colorOrder, ...(crop && { crop }), ...(calibration && { calibration }) });
  }
  const cacheBytes = PIECE * sizes.reduce((sum, { width, height }) => sum + width * height * 3, 0);
  const placeOf = (camera: string, frame: number) => index.imagePlace(camera, frame);
  return new FrameSource({ sizes, placeOf, cacheBytes, threads: 1 });
}

/** The calibration that the model was trained with, as the recordings hold it. */
async function findCalibration(replay: string, index: ReplayIndex, camera: string, sha256: string) {
  const wanted = `the calibration ${sha256.slice(0, 12)} of ${camera}`;
  const found = await index.calibrations(camera);
  const other = found.find(({ hash }) => hash !== sha256);
  if (other) throw mismatch(replay, wanted, `${other.bag} has ${other.hash.slice(0, 12)}`);
  if (!found[0]) throw mismatch(replay, wanted, "none was recorded");
  return found[0].model;
}

/** Everything but the images. */
function copyStates(store: EpisodeStore, { table, frames }: IndexedEpisode, { observation, action }: RecordedSpaces) {
  const { jointNames, position, velocity, reward, episode } = table;
  const width = jointNames.length;
  const actionSize = action.dimensions.length;
  const names = action.dimensions.map(({ name }) => name);
  const read = bindProprioception(observation.proprioception, jointNames, names);
  const rest = new Float64Array(actionSize);
  const writer = store.begin({ kind: "reset", seed: episode.number }, "policy");
  for (let row = 0; row < frames; row++) {
    const frame = writer.nextFrame();
    const joints = [position, velocity].map((values) => values.subarray(row * width, (row + 1) * width));
    const last = row === 0 ? rest : table.action.subarray((row - 1) * actionSize, row * actionSize);
    read(joints[0]!, joints[1]!, last, store.borrowProprioception(frame));
    if (row < frames - 1) {
      store.borrowAction(frame).set(table.action.subarray(row * actionSize, (row + 1) * actionSize));
    }
    store.rewards[frame] = reward[row]!;
    store.terminal[frame] = episode.steps[row]!.isTerminal ? 1 : 0;
  }
  return writer.end();
}

/** The usual time between two steps: a machine that stood still for a moment does not change it. */
function medianIntervalNs(stampsNs: readonly bigint[]): number {
  const intervals = stampsNs.slice(1).map((ns, i) => Number(ns - stampsNs[i]!));
  return new Samples(intervals).percentile(0.5);
}

function mismatch(replay: string, expected: string, found: string, cause?: LatentloopError): LatentloopError {
  return new LatentloopError(
    "ERR_REPLAY_MISMATCH",
    `Expected recordings in ${replay} with ${expected} but ${found}${cause ? `: ${cause.message}` : "."}`,
    {
      remedy: "Give recordings of the task, the robot and the cameras that the model was trained for.",
      ...(cause && { cause }),
    },
  );
}

/** @param why the first whole episode was left out, if there was one */
function emptyReplay(replay: string, why: string | undefined): LatentloopError {
  const expected = `Expected at least one whole episode in ${replay} but it has none`;
  return new LatentloopError("ERR_REPLAY_EMPTY", why === undefined ? `${expected}.` : `${expected}: ${why}`, {
    remedy: "Record episodes with their beginning and end: the topic `episode` says where they are.",
  });
}
