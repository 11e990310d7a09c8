import { LatentloopError } from "../core/errors.ts";
import { bindProprioception, type ProprioceptionFeature, type ProprioceptionReader } from "../core/proprioception.ts";
import type { Rng } from "../core/rng.ts";
import type { TensorSpec } from "../core/tensor.ts";
import { FrameSource } from "./frame-source.ts";
import type { IndexedEpisode, ReplayIndex } from "./replay-index.ts";
import { SumTree } from "./sum-tree.ts";

export interface SamplerOptions {
  readonly length: number;
  readonly batch: number;
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly proprioception: readonly ProprioceptionFeature[];
  /**
   * What a sequence does at an episode's end. `cross`: goes on with the next episode, as one stream with `is_first`.
   * `pad`: repeats the last frame with the action 0 and `valid` 0.
   */
  readonly border: "cross" | "pad";
  /** Steps of `n_step_reward`. */
  readonly nStep: number;
  readonly discount: number;
  /** Decoded frames kept in memory. */
  readonly cacheBytes: number;
  readonly threads: number;
}

type Arrays = Readonly<Record<string, Float32Array | Uint8Array | unknown>>;

/**
 * Draws batches of sequences from a replay, uniformly or by priority.
 *
 * The same index, generator and priorities give the same batch. `refresh` takes in episodes that were recorded since, and
 * only then.
 */
export class SequenceSampler {
  readonly #index: ReplayIndex;
  readonly #options: SamplerOptions;
  readonly #frames: FrameSource;
  readonly #read: ProprioceptionReader;
  readonly #actionSize: number;
  /** Weight of each frame as the start of a sequence. */
  readonly #weights = new SumTree();
  #episodesTaken = 0;
  /** Where the last run of episodes with all images begins. */
  #wholeFrom = 0;
  #newestPriority = 1;
  #lastAction: Float64Array;

  /** @throws ERR_REPLAY_EMPTY, ERR_UNKNOWN_CAMERA, ERR_UNKNOWN_PROPRIOCEPTION if the replay cannot give such sequences */
  constructor(index: ReplayIndex, options: SamplerOptions) {
    const [first] = index.episodes;
    if (first === undefined) throw new LatentloopError("ERR_REPLAY_EMPTY", "Expected at least one whole episode.");
    const unknown = options.cameras.find(({ name }) => !index.cameras.includes(name));
    if (unknown !== undefined) {
      throw new LatentloopError(
        "ERR_UNKNOWN_CAMERA",
        `Expected one of the cameras ${index.cameras.join(", ")} but the model sees ${unknown.name}.`,
      );
    }
    this.#index = index;
    this.#options = options;
    const { jointNames, actionNames } = first.table;
    this.#read = bindProprioception(options.proprioception, jointNames, actionNames);
    this.#actionSize = actionNames.length;
    this.#lastAction = new Float64Array(this.#actionSize);
    this.#frames = new FrameSource({
      sizes: options.cameras.map(({ name, width, height }) => ({ camera: name, width, height })),
      placeOf: (camera, frame) => index.imagePlace(camera, frame),
      cacheBytes: options.cacheBytes,
      threads: options.threads,
    });
    this.#takeEpisodes();
  }

  /** Whether there are enough frames for one sequence. */
  get ready(): boolean {
    return this.#weights.total > 0;
  }

  /** Frames asked for and those that had to be decoded, so far. */
  get decodeCounts() {
    return this.#frames.counts;
  }

  /**
   * What a batch holds: as `sequenceSpecs` of training, and the fields below.
   *
   * `valid` is 0 for padding. `n_step_reward` is the discounted sum of the rewards of the next n steps of the episode,
   * `n_step_discount` what the value n steps on is to be multiplied by: 0 after a terminal state.
   */
  get specs(): TensorSpec[] {
    const { length, batch, cameras, proprioception } = this.#options;
    const rows = [length, batch];
    const floats = (name: string, ...rest: number[]): TensorSpec => ({
      name,
      shape: [...rows, ...rest],
      dtype: "float32",
    });
    return [
      ...cameras.map(
        ({ name, width, height }): TensorSpec => ({
          name: `image_${name}`,
          shape: [...rows, height, width, 3],
          dtype: "uint8",
        }),
      ),
      ...(proprioception.length > 0 ? [floats("proprioception", proprioception.length)] : []),
      floats("action", this.#actionSize),
      ...["reward", "is_first", "is_terminal", "rewarded", "valid", "n_step_reward", "n_step_discount"].map((name) =>
        floats(name),
      ),
    ];
  }

  /** Takes in what was recorded since; new frames get the highest priority met so far. Returns the number of episodes. */
  async refresh(): Promise<number> {
    const count = await this.#index.refresh();
    this.#takeEpisodes();
    return count;
  }

  /**
   * Fills the arrays that are there; returns the first frame of each sequence.
   *
   * Shapes: as `specs`; an array that is absent is not filled
   */
  async fill(arrays: Arrays, rng: Rng): Promise<number[]> {
    if (!this.ready) {
      const { length } = this.#options;
      throw new LatentloopError(
        "ERR_REPLAY_EMPTY",
        `Expected ${length} frames in a row but there are ${this.#index.frames}.`,
      );
    }
    const starts = Array.from({ length: this.#options.batch }, () => this.#weights.find(rng.uniform()));
    const { length, batch, cameras } = this.#options;
    const frames = new Int32Array(length * batch);
    for (const [row, start] of starts.entries()) this.#fillRow(arrays, frames, start, row);
    for (const { name } of cameras) {
      const out = arrays[`image_${name}`];
      if (out instanceof Uint8Array) await this.#frames.copyInto(name, frames, out);
    }
    return starts;
  }

  /** Sets how often sequences that begin at these frames are drawn. Frames that no sequence may begin at stay so. */
  setPriorities(starts: readonly number[], priorities: ArrayLike<number>): void {
    for (const [i, start] of starts.entries()) {
      const priority = priorities[i]!;
      if (!(priority > 0 && Number.isFinite(priority))) {
        throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a priority above 0 but received ${priority}.`);
      }
      this.#newestPriority = Math.max(this.#newestPriority, priority);
      if (this.#weights.get(start) > 0) this.#weights.set(start, priority);
    }
  }

  close(): Promise<void> {
    return this.#frames.close();
  }

  /**
   * Weights of frames that a sequence may begin at now. With `cross`, the last ones must wait for more episodes. No sequence
   * holds a frame of an episode that lacks images.
   */
  #takeEpisodes(): void {
    const { length, border, cameras } = this.#options;
    const { episodes } = this.#index;
    for (const { frames: count, firstFrame, table } of episodes.slice(this.#episodesTaken)) {
      const isWhole = cameras.every(({ name }) => name in table.images);
      if (!isWhole) this.#wholeFrom = firstFrame + count;
      const first = border === "pad" && isWhole;
      // The last frame has no step behind it: nothing to learn from there on.
      for (let i = 0; i < count; i++) this.#weights.push(first && i < count - 1 ? this.#newestPriority : 0);
      if (border === "pad") continue;
      const end = firstFrame + count - length;
      for (let start = end; start >= this.#wholeFrom && this.#weights.get(start) === 0; start--) {
        this.#weights.set(start, this.#newestPriority);
      }
    }
    this.#episodesTaken = episodes.length;
  }

  #fillRow(arrays: Arrays, frames: Int32Array, start: number, row: number): void {
    const { length, batch, border } = this.#options;
    let episode = this.#index.episodes[this.#index.episodeAt(start)]!;
    let next = this.#index.episodeAt(start) + 1;
    for (let t = 0; t < length; t++) {
      let frame = start + t;
      if (frame >= episode.firstFrame + episode.frames && border === "cross") {
        episode = this.#index.episodes[next++]!;
      }
      const last = episode.firstFrame + episode.frames - 1;
      const valid = frame <= last;
      frame = Math.min(frame, last);
      const place = t * batch + row;
      frames[place] = frame;
      this.#fillStep(arrays, place, episode, frame - episode.firstFrame, valid);
    }
  }

  #fillStep(arrays: Arrays, place: number, { table }: IndexedEpisode, step: number, valid: boolean): void {
    const set = (name: string, value: number) => {
      const array = arrays[name];
      if (array instanceof Float32Array) array[place] = value;
    };
    const actionSize = this.#actionSize;
    // The action that led here: none at the begin, none while padding.
    this.#lastAction =
      step === 0 || !valid
        ? new Float64Array(actionSize)
        : table.action.subarray((step - 1) * actionSize, step * actionSize);
    if (arrays.action instanceof Float32Array) arrays.action.set(this.#lastAction, place * actionSize);
    const { proprioception } = this.#options;
    if (arrays.proprioception instanceof Float32Array) {
      const out = arrays.proprioception.subarray(place * proprioception.length, (place + 1) * proprioception.length);
      const joints = table.jointNames.length;
      const row = (values: Float64Array) => values.subarray(step * joints, (step + 1) * joints);
      this.#read(row(table.position), row(table.velocity), this.#lastAction, out);
    }
    set("reward", valid ? table.reward[step]! : 0);
    set("is_first", step === 0 ? 1 : 0);
    set("is_terminal", table.episode.steps[step]!.isTerminal ? 1 : 0);
    set("rewarded", step === 0 || !valid ? 0 : 1);
    set("valid", valid ? 1 : 0);
    const [nStepReward, nStepDiscount] = this.#nStep(table.reward, table.episode.steps, step);
    set("n_step_reward", nStepReward);
    set("n_step_discount", nStepDiscount);
  }

  /** Rewards of the next n steps within the episode, discounted, and the factor of the value behind them. */
  #nStep(reward: Float32Array, steps: readonly { readonly isTerminal: boolean }[], step: number): [number, number] {
    const { nStep, discount } = this.#options;
    let sum = 0;
    let factor = 1;
    for (let i = step + 1; i <= step + nStep && i < reward.length; i++) {
      sum += factor * reward[i]!;
      factor *= discount;
      if (steps[i]!.isTerminal) return [sum, 0];
    }
    return [sum, factor];
  }
}
