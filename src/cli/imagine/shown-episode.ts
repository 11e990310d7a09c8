import { LatentloopError } from "../../core/errors.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import { ReplayReader, storeForManifest } from "../../learning/episodes/replay-reader.ts";
import { playRandomEpisode } from "../../learning/imagination.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { openWorldOf } from "../../nodes/training-world.ts";

/** The episode whose frames are drawn, alone in its store, and others for a probe decoder to learn from. */
export interface ShownEpisode {
  readonly shown: EpisodeStore;
  readonly others: EpisodeStore;
}

export interface OtherEpisodes {
  /** How many others there are to be. */
  readonly count: number;
  readonly onEpisode: (done: number) => void;
}

const OTHERS_SEED = 9_000_000;

/** An episode of random actions in a simulated task; the others are the bundle's own by half. */
export async function playShownEpisode(
  bundle: Bundle,
  { task, seed }: { readonly task: string; readonly seed: number },
  { count, onEpisode }: OtherEpisodes,
): Promise<ShownEpisode> {
  const world = await openWorldOf(bundle.manifest, task);
  try {
    const shown = await playRandomEpisode(world, seed);
    return {
      shown,
      others: await playHeldOutEpisodes(world, bundle, { episodes: count, seed: OTHERS_SEED, onEpisode }),
    };
  } finally {
    world.close();
  }
}

/**
 * A recorded episode, counted back from the newest, which is 1; the others are the newest besides it.
 * @throws ERR_REPLAY_EMPTY if there are not so many; ERR_REPLAY_MISMATCH if the recordings are not of the model's task, robot,
 * cameras and rate
 */
export async function readShownEpisode(
  { manifest }: Bundle,
  { replay, episode }: { readonly replay: string; readonly episode: number },
  { count, onEpisode }: OtherEpisodes,
): Promise<ShownEpisode> {
  const reader = await ReplayReader.open(replay, manifest);
  try {
    const recorded = reader.index.episodes;
    const chosen = recorded.at(-episode);
    if (!chosen) {
      throw new LatentloopError(
        "ERR_REPLAY_EMPTY",
        `Expected at least ${episode} episodes in ${replay} but it has ${recorded.length}.`,
      );
    }
    if (count > 0 && recorded.length === 1) {
      throw new LatentloopError(
        "ERR_REPLAY_EMPTY",
        `Expected an episode besides the one that is drawn, for a probe decoder to learn from, but ${replay} has one.`,
        { remedy: "Record more episodes, or draw one of a simulated task with --task." },
      );
    }
    const shown = storeForManifest(manifest, chosen.frames);
    await reader.readInto(shown, chosen);
    reader.requireSome(shown);
    const rest = count === 0 ? [] : recorded.filter((each) => each !== chosen).slice(-count);
    const others = storeForManifest(manifest, 0);
    for (const [i, each] of rest.entries()) {
      await reader.readInto(others, each);
      onEpisode(i + 1);
    }
    if (count > 0) reader.requireSome(others);
    return { shown, others };
  } finally {
    await reader.close();
  }
}
