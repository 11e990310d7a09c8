import type { Manifest } from "../../config/manifest.ts";
import { Rng } from "../../core/rng.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { believeEpisode } from "../surprise/episode-belief.ts";

/** How well a bundle foretells recorded episodes from their actions alone. */
export interface OpenLoopScore {
  /** Steps that the bundle imagines in one go; 0 when it has no graph `imagine`. */
  readonly horizon: number;
  /** Moments from which it was asked to imagine. */
  readonly starts: number;
  /**
   * Share of the latents' variance over the episodes that is missed k + 1 steps ahead: 0 is exact, 1 as good as their mean.
   * It has no unit, so that models with different latents compare. Shapes: [H]
   */
  readonly latentError: readonly number[];
  /** Mean squared distance of the latents from their mean; 0 where nothing but rounding sets them apart. */
  readonly latentVariance: number;
  /** Root mean square error of the reward k + 1 steps ahead, in the task's unit; NaN where no reward was recorded. [H] */
  readonly rewardError: readonly number[];
  /** Recorded rewards that `rewardError` is made of: a step that nobody scored has none. [H] */
  readonly rewardsRecorded: readonly number[];
  /** Mean sum of the recorded rewards over the horizon, and of those imagined for the same steps; NaN if there are none. */
  readonly imaginedReturn: number;
  readonly recordedReturn: number;
  /** Surprise at every frame but the episodes' first. */
  readonly surprise: Float32Array;
}

/** Moments spread evenly over all episodes. */
const MAX_STARTS = 256;
const SEED = 23;
/** Share of the mean square that float32 rounding alone may set latents apart by: a millionth of their size. */
const ROUNDING = 1e-12;

/** Steps that a bundle imagines in one go; 0 when it has no graph `imagine`. */
export function imaginedSteps({ graphs }: Manifest): number {
  return graphs.imagine?.inputs.find(({ name }) => name === "actions")?.shape[1] ?? 0;
}

/**
 * Runs a bundle along every episode of a store, and from moments of it lets the bundle imagine what the executed actions lead to.
 *
 * Shapes: as docs/models.md; of the N sequences that `imagine` takes the first is used.
 * @param stepsBehind recorded steps behind each of these moments, at least the bundle's horizon: bundles of different horizons
 * are asked at the same moments if it is the longest of theirs
 */
export async function scoreOpenLoop(
  { manifest, onnx }: Bundle,
  store: EpisodeStore,
  stepsBehind = imaginedSteps(manifest),
): Promise<OpenLoopScore> {
  const { latentSize } = manifest;
  const horizon = imaginedSteps(manifest);
  const encode = await LocalGraph.open(onnx.encode!);
  const observe = await LocalGraph.open(onnx.observe!);
  const dream = onnx.imagine && (await LocalGraph.open(onnx.imagine));
  try {
    const rng = new Rng(SEED);
    const latents = new Float32Array(store.frames * latentSize);
    const surprise: number[] = [];
    for (const episode of store.episodes) {
      const belief = await believeEpisode(store, episode, { encode, observe }, rng);
      latents.set(belief.latents, episode.firstFrame * latentSize);
      surprise.push(...belief.surprise.subarray(1));
    }
    const errors = new HorizonErrors(horizon);
    const starts = dream ? startsOf(store, stepsBehind) : [];
    for (const start of starts) {
      const actions = dream!.inputs.actions as Float32Array;
      const { actionSize } = store.sizes;
      actions.set(store.actions.subarray(start * actionSize, (start + horizon) * actionSize));
      (dream!.inputs.latent as Float32Array).set(latents.subarray(start * latentSize, (start + 1) * latentSize));
      const dreamt = await dream!.run();
      errors.add({
        predicted: (dreamt.latents as Float32Array).subarray(0, horizon * latentSize),
        reached: latents.subarray((start + 1) * latentSize, (start + 1 + horizon) * latentSize),
        rewards: (dreamt.rewards as Float32Array).subarray(0, horizon),
        recorded: store.rewards.subarray(start + 1, start + 1 + horizon),
      });
    }
    return { ...errors.summary(totalVariance(latents, latentSize)), surprise: Float32Array.from(surprise) };
  } finally {
    await Promise.all([encode.close(), observe.close(), dream?.close()]);
  }
}

/** Frames that have so many recorded steps behind them, thinned out. */
function startsOf({ episodes }: EpisodeStore, stepsBehind: number): number[] {
  const all = episodes.flatMap(({ firstFrame, frames }) =>
    Array.from({ length: Math.max(0, frames - stepsBehind) }, (_, i) => firstFrame + i),
  );
  const every = Math.max(1, Math.ceil(all.length / MAX_STARTS));
  return all.filter((_, i) => i % every === 0);
}

interface Rollout {
  /** Shapes: [H, L] */
  readonly predicted: Float32Array;
  readonly reached: Float32Array;
  /** Shapes: [H] */
  readonly rewards: Float32Array;
  readonly recorded: Float32Array;
}

/** Sums of squared errors by how far ahead they lie; steps without a recorded reward say nothing of rewards. */
class HorizonErrors {
  readonly #latent: Float64Array;
  readonly #reward: Float64Array;
  readonly #rewards: number[];
  #imagined = 0;
  #recorded = 0;
  #starts = 0;
  #scoredStarts = 0;

  constructor(horizon: number) {
    this.#latent = new Float64Array(horizon);
    this.#reward = new Float64Array(horizon);
    this.#rewards = Array(horizon).fill(0);
  }

  add({ predicted, reached, rewards, recorded }: Rollout): void {
    const size = predicted.length / this.#latent.length;
    this.#starts++;
    if (recorded.some((reward) => !Number.isNaN(reward))) this.#scoredStarts++;
    for (let k = 0; k < this.#latent.length; k++) {
      for (let i = k * size; i < (k + 1) * size; i++) this.#latent[k]! += (predicted[i]! - reached[i]!) ** 2;
      if (Number.isNaN(recorded[k]!)) continue;
      this.#rewards[k]!++;
      this.#reward[k]! += (rewards[k]! - recorded[k]!) ** 2;
      this.#imagined += rewards[k]!;
      this.#recorded += recorded[k]!;
    }
  }

  summary(variance: number): Omit<OpenLoopScore, "surprise"> {
    const starts = this.#starts;
    return {
      horizon: this.#latent.length,
      starts,
      latentError: Array.from(this.#latent, (squares) => squares / starts / variance),
      latentVariance: variance,
      rewardError: Array.from(this.#reward, (squares, k) => Math.sqrt(squares / this.#rewards[k]!)),
      rewardsRecorded: this.#rewards,
      imaginedReturn: this.#imagined / this.#scoredStarts,
      recordedReturn: this.#recorded / this.#scoredStarts,
    };
  }
}

/** Mean squared distance of the rows from their mean; 0 where it is no more than rounding. Shapes: rows [F, L] */
function totalVariance(rows: Float32Array, width: number): number {
  const count = rows.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) mean[i % width]! += rows[i]! / count;
  let squares = 0;
  let meanSquares = 0;
  for (let i = 0; i < rows.length; i++) {
    squares += (rows[i]! - mean[i % width]!) ** 2 / count;
    meanSquares += rows[i]! ** 2 / count;
  }
  return squares <= ROUNDING * meanSquares ? 0 : squares;
}
