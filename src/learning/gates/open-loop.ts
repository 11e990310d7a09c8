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
  /** Root mean square error of the reward k + 1 steps ahead, in the task's unit; NaN where no reward was recorded. [H] */
  readonly rewardError: readonly number[];
  /** Mean sum of the rewards over the horizon: what was imagined and what came. */
  readonly imaginedReturn: number;
  readonly recordedReturn: number;
  /** Surprise at every frame but the episodes' first. */
  readonly surprise: Float32Array;
}

/** Moments spread evenly over all episodes. */
const MAX_STARTS = 256;
const SEED = 23;

/**
 * Runs a bundle along every episode of a store, and from moments of it lets the bundle imagine what the executed actions lead to.
 *
 * Shapes: as docs/models.md; of the N sequences that `imagine` takes the first is used.
 */
export async function scoreOpenLoop({ manifest, onnx }: Bundle, store: EpisodeStore): Promise<OpenLoopScore> {
  const { latentSize } = manifest;
  const imagined = manifest.graphs.imagine?.inputs.find(({ name }) => name === "actions");
  const horizon = imagined?.shape[1] ?? 0;
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
    const starts = dream ? startsOf(store, horizon) : [];
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

/** Frames that have `horizon` recorded steps behind them, thinned out. */
function startsOf({ episodes }: EpisodeStore, horizon: number): number[] {
  const all = episodes.flatMap(({ firstFrame, frames }) =>
    Array.from({ length: Math.max(0, frames - horizon) }, (_, i) => firstFrame + i),
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

/** Sums of squared errors by how far ahead they lie. */
class HorizonErrors {
  readonly #latent: Float64Array;
  readonly #reward: Float64Array;
  #imagined = 0;
  #recorded = 0;
  #starts = 0;

  constructor(horizon: number) {
    this.#latent = new Float64Array(horizon);
    this.#reward = new Float64Array(horizon);
  }

  add({ predicted, reached, rewards, recorded }: Rollout): void {
    const size = predicted.length / this.#latent.length;
    this.#starts++;
    for (let k = 0; k < this.#latent.length; k++) {
      for (let i = k * size; i < (k + 1) * size; i++) this.#latent[k]! += (predicted[i]! - reached[i]!) ** 2;
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
      rewardError: Array.from(this.#reward, (squares) => Math.sqrt(squares / starts)),
      imaginedReturn: this.#imagined / starts,
      recordedReturn: this.#recorded / starts,
    };
  }
}

/** Mean squared distance of the rows from their mean. Shapes: rows [F, L] */
function totalVariance(rows: Float32Array, width: number): number {
  const count = rows.length / width;
  let total = 0;
  for (let i = 0; i < width; i++) {
    let sum = 0;
    let squares = 0;
    for (let row = i; row < rows.length; row += width) {
      sum += rows[row]!;
      squares += rows[row]! ** 2;
    }
    total += squares / count - (sum / count) ** 2;
  }
  return total;
}
