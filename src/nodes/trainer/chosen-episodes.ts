import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import { isHeldOut } from "../../learning/episodes/recorded-episodes.ts";
import { type ReplayReader, storeForManifest } from "../../learning/episodes/replay-reader.ts";
import type { IndexedEpisode } from "../../replay/replay-index.ts";

/** An episode of a replay, as it is found again after a restart: its bag, and when it began there (receive stamp, ns). */
export const episodeRef = z.strictObject({ bag: z.string(), began: z.string() });
export type EpisodeRef = z.output<typeof episodeRef>;

/** What a run learns from, and what its candidate is judged by. Oldest first. */
export interface EpisodeChoice {
  readonly fresh: readonly EpisodeRef[];
  readonly heldOut: readonly EpisodeRef[];
}

export interface ChoiceOptions {
  readonly heldOutEvery: number;
  /** Frames that there is memory for. */
  readonly maxFrames: number;
}

/** More held-out episodes than this only make the gates slow. */
const MAX_HELD_OUT = 16;

/**
 * The newest episodes that fit. Whether one is held out depends on nothing but itself, so that what one run learned from never
 * judges a later one.
 */
export function chooseEpisodes(
  episodes: readonly IndexedEpisode[],
  { heldOutEvery, maxFrames }: ChoiceOptions,
): EpisodeChoice {
  const fresh: EpisodeRef[] = [];
  const heldOut: EpisodeRef[] = [];
  let left = maxFrames;
  for (let i = episodes.length - 1; i >= 0; i--) {
    const episode = episodes[i]!;
    const judges = isHeldOut(episode, heldOutEvery);
    if (judges && heldOut.length === MAX_HELD_OUT) continue;
    left -= episode.frames;
    if (left < 0) break;
    (judges ? heldOut : fresh).unshift(refOf(episode));
  }
  return { fresh, heldOut };
}

/** Memory that a frame takes. */
export function frameBytesOf(manifest: Manifest): number {
  const { imageBytes, proprioceptionSize, actionSize } = storeForManifest(manifest, 0).sizes;
  const images = Object.values(imageBytes).reduce((sum, bytes) => sum + bytes, 0);
  return images + 4 * (proprioceptionSize + actionSize + 1);
}

/** @throws ERR_REPLAY_EMPTY if one of them is gone, and those of `ReplayReader.readInto` */
export async function readEpisodes(
  reader: ReplayReader,
  manifest: Manifest,
  refs: readonly EpisodeRef[],
): Promise<EpisodeStore> {
  const known = new Map(reader.index.episodes.map((episode) => [keyOf(refOf(episode)), episode]));
  const chosen = refs.map((ref) => {
    const episode = known.get(keyOf(ref));
    if (episode) return episode;
    throw new LatentloopError("ERR_REPLAY_EMPTY", `Expected the episode that began at ${ref.began} in ${ref.bag}.`, {
      remedy: "Keep recordings while a run learns from them; the trainer begins another run with those that are there.",
    });
  });
  const frames = chosen.reduce((sum, episode) => sum + episode.frames, 0);
  const store = storeForManifest(manifest, frames);
  for (const episode of chosen) await reader.readInto(store, episode);
  return store;
}

function refOf({ table }: IndexedEpisode): EpisodeRef {
  return { bag: table.bag, began: String(table.episode.firstLogNs) };
}

function keyOf({ bag, began }: EpisodeRef): string {
  return `${bag}#${began}`;
}
