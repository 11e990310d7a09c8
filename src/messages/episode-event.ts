import { EPISODE_KIND, type EpisodeEvent } from "./ros-messages.ts";
import { makeHeader } from "./stamp.ts";

export type EpisodeKind = keyof typeof EPISODE_KIND;

/** An event of an episode: what is not said is nothing. */
export function makeEpisodeEvent(
  kind: EpisodeKind,
  stampNs: bigint,
  fields: Partial<Omit<EpisodeEvent, "header" | "kind">> = {},
): EpisodeEvent {
  return {
    header: makeHeader(stampNs),
    kind: EPISODE_KIND[kind],
    episode: 0,
    step: 0,
    reward: 0,
    is_terminal: false,
    success: false,
    intervention: false,
    note: "",
    ...fields,
  };
}

/** Of a step of an episode whose last one is known. */
export function kindOfStep(step: number, lastStep: number): EpisodeKind {
  if (step === lastStep) return "end";
  return step === 0 ? "begin" : "step";
}
