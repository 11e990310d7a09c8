import { LatentloopError } from "../../core/errors.ts";

/** @throws ERR_REPLAY_EMPTY unless there is an episode to learn from */
export function requireEpisodes(some: boolean, frames: number): void {
  if (some) return;
  throw new LatentloopError(
    "ERR_REPLAY_EMPTY",
    `Expected recorded episodes of at least ${frames} steps to learn from but there are none.`,
    { remedy: "Let the robot work on for a while, or name another replay." },
  );
}
