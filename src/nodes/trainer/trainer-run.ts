import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import type { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import type { FineTuner } from "../../learning/fine-tune/fine-tuner.ts";
import { openFineTuner } from "../../learning/fine-tune/open-fine-tuner.ts";
import { loadCheckpoint } from "../../learning/optimization/checkpoint.ts";
import type { Readers } from "./live-readers.ts";
import { chooseEpisodes, type EpisodeRef, readEpisodes } from "./recorded-episodes.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import { checkpointOf, type OpenRun } from "./trainer-state.ts";

/** A run of fine-tuning at work. */
export interface TrainerRun {
  readonly number: number;
  readonly bundle: Bundle;
  readonly tuner: FineTuner;
  readonly fresh: EpisodeStore;
  readonly old: EpisodeStore | undefined;
  readonly heldOut: EpisodeStore | undefined;
  readonly description: OpenRun;
  savedNs: number;
}

/** What the run after so many others learns from. */
export function describeRun(
  live: OpenRun["live"],
  runs: number,
  { replay, old, frameBytes }: Readers,
  parameters: TrainerParameters,
): OpenRun {
  const maxFrames = Math.floor((parameters.episodesMegabytes * 1e6) / frameBytes / (old ? 2 : 1));
  const all = { heldOutEvery: Number.POSITIVE_INFINITY, maxFrames };
  const { fresh, heldOut } = chooseEpisodes(replay.index.episodes, { ...parameters, maxFrames });
  return {
    live,
    seed: parameters.seed + runs,
    fresh: [...fresh],
    heldOut: [...heldOut],
    old: old ? [...chooseEpisodes(old.index.episodes, all).fresh] : [],
  };
}

export interface OpenRunOptions {
  readonly number: number;
  readonly bundle: Bundle;
  readonly description: OpenRun;
  readonly readers: Readers;
  readonly parameters: TrainerParameters;
  /** Goes on from its checkpoint, where there is one that fits. */
  readonly resumes: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws those of `openFineTuner` and `readEpisodes` */
export async function openRun(options: OpenRunOptions): Promise<TrainerRun> {
  const { number, bundle, description, readers, parameters, resumes, clock, log } = options;
  const storeOf = async (reader: ReplayReader | undefined, refs: readonly EpisodeRef[]) =>
    reader && refs.length > 0 ? readEpisodes(reader, bundle.manifest, refs) : undefined;
  const fresh = await readEpisodes(readers.replay, bundle.manifest, description.fresh);
  const old = await storeOf(readers.old, description.old);
  const heldOut = await storeOf(readers.replay, description.heldOut);
  const tuning = {
    bundle,
    fresh,
    ...(old && { old }),
    ...(heldOut && { heldOut }),
    settings: parameters.fineTuning,
    seed: description.seed,
    clock,
    session: { threads: parameters.threads },
  };
  const path = checkpointOf(parameters.folder, number);
  const resume = resumes ? await loadCheckpoint(path).catch(() => undefined) : undefined;
  const tuner = await openFineTuner({ ...tuning, ...(resume && { resume }) }).catch((thrown) => {
    if (!resume || !(thrown instanceof LatentloopError)) throw thrown;
    log.warn(`Run ${number} begins anew: ${thrown.message}`);
    return openFineTuner(tuning);
  });
  return { number, bundle, tuner, fresh, old, heldOut, description, savedNs: clock.monotonicNs() };
}
