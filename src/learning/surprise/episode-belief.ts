import type { Rng } from "../../core/rng.ts";
import type { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore, StoredEpisode } from "../episodes/episode-store.ts";

/** What a model believes along a recorded episode. Shapes: latents [F, L], surprise [F] (0 at the first frame) */
export interface EpisodeBelief {
  readonly latents: Float32Array;
  readonly surprise: Float32Array;
}

/**
 * Shows a model the frames of an episode, one after the other, with the actions that were executed between them.
 *
 * @param frames only so many of them, by default all
 */
export async function believeEpisode(
  store: EpisodeStore,
  { firstFrame, frames: recorded }: Pick<StoredEpisode, "firstFrame" | "frames">,
  { encode, observe }: { readonly encode: LocalGraph; readonly observe: LocalGraph },
  rng: Rng,
  frames = recorded,
): Promise<EpisodeBelief> {
  const latent = observe.inputs.latent as Float32Array;
  const latents = new Float32Array(frames * latent.length);
  const surprise = new Float32Array(frames);
  latent.fill(0);
  for (let t = 0; t < frames; t++) {
    for (const camera of Object.keys(store.images)) {
      (encode.inputs[`image_${camera}`] as Uint8Array).set(store.borrowImage(camera, firstFrame + t));
    }
    (encode.inputs.proprioception as Float32Array | undefined)?.set(store.borrowProprioception(firstFrame + t));
    const { embedding } = await encode.run();
    (observe.inputs.embedding as Float32Array).set(embedding as Float32Array);
    if (t === 0) (observe.inputs.action as Float32Array).fill(0);
    else (observe.inputs.action as Float32Array).set(store.borrowAction(firstFrame + t - 1));
    (observe.inputs.is_first as Float32Array)[0] = t === 0 ? 1 : 0;
    if (observe.inputs.noise) rng.fillNormal(observe.inputs.noise as Float32Array);
    const observed = await observe.run();
    latent.set(observed.latent_out as Float32Array);
    latents.set(latent, t * latent.length);
    surprise[t] = t === 0 ? 0 : (observed.surprise as Float32Array)[0]!;
  }
  return { latents, surprise };
}
