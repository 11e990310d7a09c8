import { LatentloopError } from "../../core/errors.ts";
import type { IndexedEpisode } from "../../replay/replay-index.ts";

/** Whether each step of a recorded episode was scored: one that was not has NaN for its reward, of which nothing is learned. */
export function isScored({ table }: IndexedEpisode): boolean {
  return !table.reward.some((reward) => Number.isNaN(reward));
}

/** The scored ones. @throws ERR_REPLAY_UNSCORED if there are episodes, and none of them is */
export function requireScored(episodes: readonly IndexedEpisode[], replay: string): readonly IndexedEpisode[] {
  const scored = episodes.filter(isScored);
  if (scored.length === 0 && episodes.length > 0) throw unscored(replay, episodes.length);
  return scored;
}

function unscored(replay: string, episodes: number): LatentloopError {
  return new LatentloopError(
    "ERR_REPLAY_UNSCORED",
    `Expected episodes in ${replay} whose steps have rewards to learn from but nobody scored those of its ${episodes}.`,
    { remedy: "Record with a node that scores the steps: the parameter `taskNode` of the node `episodes` names it." },
  );
}
