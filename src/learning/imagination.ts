import { LatentloopError } from "../core/errors.ts";
import { Rng } from "../core/rng.ts";
import type { ModelSpaces } from "../world-models/world-model.ts";
import { LocalGraph } from "./bundle/local-graph.ts";
import { type EpisodeStore, storeFor } from "./episodes/episode-store.ts";
import type { SessionOptions } from "./optimization/session.ts";
import { exploringPolicy, rollOut } from "./run/rollout.ts";
import { believeEpisode } from "./surprise/episode-belief.ts";
import type { TrainingWorld } from "./world/training-world.ts";

export interface ImaginationOptions {
  readonly seed: number;
  /** Steps of the episode that are seen before the imagination starts. */
  readonly seenSteps: number;
  /** Steps to imagine. */
  readonly steps: number;
  readonly session?: SessionOptions;
}

/** What happened and what the model thought would happen, step by step after the last frame it saw. */
export interface Imagination {
  readonly views: readonly ImaginedView[];
  readonly trueRewards: readonly number[];
  readonly imaginedRewards: readonly number[];
}

/** The frames of one camera. Shapes: each [Y, X, 3] */
export interface ImaginedView {
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly trueFrames: readonly Uint8Array[];
  readonly imaginedFrames: readonly Uint8Array[];
}

/** A store with one episode of random actions. */
export async function playRandomEpisode(world: TrainingWorld, seed: number): Promise<EpisodeStore> {
  const store = storeFor(world, world.episodeSteps + 1);
  await rollOut(world, exploringPolicy(world, new Rng(seed)), { start: { kind: "reset", seed }, store });
  return store;
}

/**
 * Shows a model the beginning of an episode and has it imagine the rest from the actions alone.
 *
 * @param store holds the episode, and no other
 * @param onnx the bundle's graphs encode, observe, imagine and decode
 * @throws ERR_INVALID_ARGUMENT if the episode is shorter than that
 */
export async function imagine(
  store: EpisodeStore,
  cameras: ModelSpaces["cameras"],
  onnx: ReadonlyMap<string, Uint8Array>,
  { seed, seenSteps, steps, session = {} }: ImaginationOptions,
): Promise<Imagination> {
  if (seenSteps + steps > store.steps) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected at most ${store.steps - seenSteps} steps to imagine, ${seenSteps} after the episode began, but received ${steps}.`,
    );
  }
  const names = ["encode", "observe", "imagine", "decode"] as const;
  const [encode, observe, dream, decode] = (await Promise.all(
    names.map((name) => LocalGraph.open(onnx.get(name)!, session)),
  )) as [LocalGraph, LocalGraph, LocalGraph, LocalGraph];
  try {
    const seenFrames = { firstFrame: 0, frames: seenSteps + 1 };
    const { latents: believed } = await believeEpisode(store, seenFrames, { encode, observe }, new Rng(seed));
    let latent = believed.slice(seenSteps * dream.inputs.latent!.length);
    const horizon = decode.inputs.latent!.length / latent.length;
    const frames: Record<string, Uint8Array[]> = Object.fromEntries(cameras.map(({ name }) => [name, []]));
    const rewards: number[] = [];
    for (let from = seenSteps; from < seenSteps + steps; from += horizon) {
      const { actionSize } = store.sizes;
      const actions = dream.inputs.actions as Float32Array;
      actions.fill(0);
      actions.set(store.actions.subarray(from * actionSize, Math.min(from + horizon, store.steps) * actionSize));
      (dream.inputs.latent as Float32Array).set(latent);
      const dreamt = await dream.run();
      const latents = dreamt.latents as Float32Array;
      (decode.inputs.latent as Float32Array).set(latents);
      const painted = await decode.run();
      for (let t = 0; t < horizon && from + t < seenSteps + steps; t++) {
        rewards.push((dreamt.rewards as Float32Array)[t]!);
        for (const { name, width, height } of cameras) {
          const bytes = width * height * 3;
          frames[name]!.push((painted[`image_${name}`] as Uint8Array).slice(t * bytes, (t + 1) * bytes));
        }
      }
      latent = latents.slice((horizon - 1) * latent.length, horizon * latent.length);
    }
    const seen = Array.from({ length: steps }, (_, t) => seenSteps + 1 + t);
    return {
      views: cameras.map(({ name, width, height }) => ({
        camera: name,
        width,
        height,
        trueFrames: seen.map((frame) => store.borrowImage(name, frame)),
        imaginedFrames: frames[name]!,
      })),
      trueRewards: seen.map((frame) => store.rewards[frame]!),
      imaginedRewards: rewards,
    };
  } finally {
    await Promise.all([encode, observe, dream, decode].map((graph) => graph.close()));
  }
}
