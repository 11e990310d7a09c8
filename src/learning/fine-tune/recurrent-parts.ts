import type { PartsByScope } from "./joint-turns.ts";

/** Parts of what PlaNet and DreamerV3 have in common: a recurrent state, what it is inferred from, and what is read off it. */
export const RECURRENT_PARTS: PartsByScope = {
  encoder: "encoder",
  "rssm/posterior": "encoder",
  rssm: "dynamics",
  reward: "heads",
  frameReward: "heads",
  decoder: "decoder",
};

/** Networks of theirs that only teach the others. */
export const RECURRENT_TRAINING_ONLY = ["frameReward", "decoder/proprioception"];
