import { spawnSync } from "node:child_process";

/** Why tests that encode videos cannot run here, or nothing. */
export function missingFfmpeg(): string | false {
  return spawnSync("ffmpeg", ["-version"]).status === 0 ? false : "needs ffmpeg on the PATH";
}
