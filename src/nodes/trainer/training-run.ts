import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { isEpisodeArchive, readEpisodeArchive } from "../../learning/episodes/episode-archive.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import type { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import { requireScored } from "../../learning/episodes/scored-episodes.ts";
import type { FineTuner } from "../../learning/fine-tune/fine-tuner.ts";
import { openFineTuner } from "../../learning/fine-tune/open-fine-tuner.ts";
import { loadCheckpoint } from "../../learning/optimization/checkpoint.ts";
import { chooseEpisodes, type EpisodeRef, readEpisodes } from "./chosen-episodes.ts";
import type { Readers } from "./recordings.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import { checkpointOf, type OpenRun } from "./trainer-state.ts";

/** A run of the trainer: its tuner, and the episodes that it learns from. */
export interface TrainingRun {
  readonly number: number;
  readonly bundle: Bundle;
  readonly tuner: FineTuner;
  readonly fresh: EpisodeStore;
  readonly old: EpisodeStore | undefined;
  readonly heldOut: EpisodeStore | undefined;
  readonly description: OpenRun;
  savedNs: number;
}

export interface TrainingRunOptions {
  readonly readers: Readers;
  readonly bundle: Bundle;
  readonly number: number;
  readonly description: OpenRun;
  /** Whether it goes on from its checkpoint. */
  readonly resumes: boolean;
  readonly parameters: TrainerParameters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the next run is to learn from. @param runs that there were before it @throws ERR_REPLAY_UNSCORED */
export function describeRun(
  { replay, old, frameBytes }: Readers,
  parameters: TrainerParameters,
  live: OpenRun["live"],
  runs: number,
): OpenRun {
  const maxFrames = Math.floor((parameters.episodesMegabytes * 1e6) / frameBytes / (old ? 2 : 1));
  const all = { heldOutEvery: Number.POSITIVE_INFINITY, maxFrames };
  return {
    live,
    seed: parameters.seed + runs,
    ...mutable(chooseEpisodes(requireScored(replay.index.episodes, parameters.replay), { ...parameters, maxFrames })),
    old: old ? [...chooseEpisodes(requireScored(old.index.episodes, parameters.old), all).fresh] : [],
  };
}

/** Reads a run's episodes and opens its tuner: from its checkpoint where there is one that fits, else from its beginning. */
export async function openTrainingRun({
  readers: { replay, old },
  bundle,
  number,
  description,
  resumes,
  parameters,
  clock,
  log,
}: TrainingRunOptions): Promise<TrainingRun> {
  const storeOf = async (reader: ReplayReader | undefined, refs: readonly EpisodeRef[]) =>
    reader && refs.length > 0 ? readEpisodes(reader, bundle.manifest, refs) : undefined;
  const fresh = await readEpisodes(replay, bundle.manifest, description.fresh);
  const isArchive = isEpisodeArchive(parameters.old);
  const oldStore = isArchive
    ? await readEpisodeArchive(parameters.old, bundle.manifest)
    : await storeOf(old, description.old);
  const heldOut = await storeOf(replay, description.heldOut);
  const options = {
    bundle,
    fresh,
    ...(oldStore && { old: oldStore }),
    ...(heldOut && { heldOut }),
    settings: parameters.fineTuning,
    seed: description.seed,
    clock,
    session: { threads: parameters.threads },
  };
  const path = checkpointOf(parameters.folder, number);
  const resume = resumes ? await loadCheckpoint(path).catch(() => undefined) : undefined;
  const goOn = async () => {
    const tuner = await openFineTuner({ ...options, ...(resume && { resume }) });
    if (resume) tuner.noteSaved(path);
    return tuner;
  };
  const tuner = await goOn().catch((thrown) => {
    if (!resume || !(thrown instanceof LatentloopError)) throw thrown;
    log.warn(`Run ${number} begins anew: ${thrown.message}`);
    return openFineTuner(options);
  });
  return { number, bundle, tuner, fresh, old: oldStore, heldOut, description, savedNs: clock.monotonicNs() };
}

function mutable({ fresh, heldOut }: ReturnType<typeof chooseEpisodes>) {
  return { fresh: [...fresh], heldOut: [...heldOut] };
}
