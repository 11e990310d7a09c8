import type { IndexedEpisode } from "../../replay/replay-index.ts";
import type { EpisodeStore } from "./episode-store.ts";
import { type RecordedSpaces, ReplayReader, storeForManifest } from "./replay-reader.ts";
import { requireScored } from "./scored-episodes.ts";

/**
 * The newest recorded episodes, by default all, as a model of these spaces would have seen them.
 *
 * @param replay a bag, or a folder of bags
 * @throws ERR_BAG_UNREADABLE, ERR_BAG_DAMAGED; ERR_REPLAY_MISMATCH if the recordings are not of the model's task, robot,
 * cameras and rate; ERR_REPLAY_EMPTY without a whole episode
 */
export function loadReplayEpisodes(
  replay: string,
  spaces: RecordedSpaces,
  episodes = Number.POSITIVE_INFINITY,
): Promise<EpisodeStore> {
  return load(replay, spaces, (all) => all.slice(-episodes));
}

/**
 * The recorded episodes whose steps have rewards, for whoever learns from them.
 * @throws those of `loadReplayEpisodes`; ERR_REPLAY_UNSCORED if nobody scored any
 */
export function loadScoredEpisodes(replay: string, spaces: RecordedSpaces): Promise<EpisodeStore> {
  return load(replay, spaces, (all) => requireScored(all, replay));
}

async function load(
  replay: string,
  spaces: RecordedSpaces,
  choose: (all: readonly IndexedEpisode[]) => readonly IndexedEpisode[],
): Promise<EpisodeStore> {
  const reader = await ReplayReader.open(replay, spaces);
  try {
    const chosen = choose(reader.index.episodes);
    const store = storeForManifest(
      spaces,
      chosen.reduce((sum, { frames }) => sum + frames, 0),
    );
    for (const episode of chosen) await reader.readInto(store, episode);
    reader.requireSome(store);
    return store;
  } finally {
    await reader.close();
  }
}
