import type { Manifest } from "../../config/manifest.ts";
import { isEpisodeArchive, readEpisodeArchive } from "../episodes/episode-archive.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { loadScoredEpisodes } from "../episodes/replay-episodes.ts";

/**
 * Episodes of the world that a model was trained in.
 *
 * @param path an archive of episodes (`.safetensors`), or a folder of bags
 * @throws those of `readEpisodeArchive` and `loadScoredEpisodes`
 */
export function loadOldEpisodes(path: string, manifest: Manifest): Promise<EpisodeStore> {
  if (isEpisodeArchive(path)) return readEpisodeArchive(path, manifest);
  return loadScoredEpisodes(path, manifest);
}
