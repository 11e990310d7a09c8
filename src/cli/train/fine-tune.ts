import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { Option } from "commander";
import { parseStrict } from "../../config/parse-strict.ts";
import { readConfig } from "../../config/read-config.ts";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { writeEpisodeArchive } from "../../learning/episodes/episode-archive.ts";
import { type FineTuningRunResult, runFineTuning } from "../../learning/fine-tune/run-fine-tuning.ts";
import { type FineTuneSettings, fineTuneSettings, MODEL_PARTS } from "../../learning/fine-tune/settings.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

/** Flags of `train --from`. */
export interface FineTuneFlags {
  readonly from: string;
  readonly replay?: string;
  readonly old?: string;
  readonly oldTask?: string;
  readonly settings?: string;
  readonly freeze?: FineTuneSettings["freeze"];
  readonly updates?: number;
  readonly seconds?: number;
  readonly seed: number;
  readonly threads: number;
  readonly out?: string;
  readonly bundle?: string;
  readonly resume: boolean;
  readonly json: boolean;
}

export const fineTuneOptions = (): Option[] => [
  new Option("--from <bundle>", "train this bundle further on the recordings of --replay"),
  new Option("--old <path>", "with --from: recordings, or an archive of episodes, of the world it was trained in"),
  new Option("--old-task <name>", "with --from: play those in a simulated task instead").conflicts("old"),
  new Option("--freeze <part...>", "with --from: parts of the model that stay as they are").choices(MODEL_PARTS),
  new Option("--updates <n>", "with --from: updates in all; by default the system's").argParser(positiveInteger),
  new Option("--settings <file>", "with --from: YAML file with the other settings of fine-tuning"),
];

const RESOLUTION = 1000;
/** Episodes of the old world where they have to be played. */
const OLD_EPISODES = 160;
const OLD_SEED = 8_000_000;

/** `latentloop train --from`: a candidate out of a live bundle and recordings. */
export async function fineTune(flags: FineTuneFlags, signal: AbortSignal): Promise<void> {
  const { from, replay, seed, threads, resume, json } = flags;
  if (replay === undefined) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected recordings to fine-tune ${from} on: --replay <folder>.`,
    );
  }
  const folder = flags.out ?? join("runs", `${basename(from)}-fine-tuned-${seed}`);
  const target = flags.bundle ?? join(folder, "bundle");
  const settings = await settingsOf(flags);
  const old = flags.oldTask === undefined ? flags.old : await playOldEpisodes(from, flags.oldTask, folder);
  const progress = startProgress(`fine-tune ${basename(from)}`, RESOLUTION);
  let result: FineTuningRunResult;
  try {
    result = await runFineTuning({
      from,
      replay,
      ...(old !== undefined && { old }),
      settings,
      seed,
      clock: systemClock(),
      session: { threads },
      folder,
      resume,
      bundle: { folder: target, command: commandOf(flags) },
      onReport: ({ phase, progress: share, figures }) => progress.update(share * RESOLUTION, { phase, ...figures }),
      signal,
    });
  } finally {
    progress.stop();
  }
  const { manifest, episodes } = result;
  commentary(json)("");
  printResult(
    { bundle: target, from, parent: manifest.training.parent?.hash, seed, settings, episodes },
    [
      `learned from ${episodes.trained} recorded episodes and ${episodes.old} old ones; ${episodes.heldOut} were held out`,
      `model  ${target}`,
      `next   latentloop models propose ${target} --replay <recordings that it was not trained on>`,
    ].join("\n"),
    json,
  );
}

async function settingsOf({ settings, freeze, updates, seconds }: FineTuneFlags): Promise<FineTuneSettings> {
  const read =
    settings === undefined
      ? parseStrict(fineTuneSettings, {}, "settings")
      : await readConfig(fineTuneSettings, settings);
  return {
    ...read,
    ...(freeze !== undefined && { freeze }),
    ...(updates !== undefined && { updates }),
    ...(seconds !== undefined && { seconds }),
  };
}

/** Plays episodes of the nominal task and keeps them beside the run. */
async function playOldEpisodes(from: string, task: string, folder: string): Promise<string> {
  const bundle = await readBundle(from);
  const world = await openWorldOf(bundle.manifest, task);
  const progress = startProgress("old episodes", OLD_EPISODES);
  try {
    const store = await playHeldOutEpisodes(world, bundle, {
      episodes: OLD_EPISODES,
      seed: OLD_SEED,
      onEpisode: (done) => progress.update(done),
    });
    const path = join(folder, "old.safetensors");
    await mkdir(folder, { recursive: true });
    await writeEpisodeArchive(path, store, bundle.manifest);
    return path;
  } finally {
    progress.stop();
    world.close();
  }
}

/** The command that makes the same candidate again: what decides the result, in one order. */
function commandOf({ from, replay, old, oldTask, settings, freeze, updates, seconds, seed, threads }: FineTuneFlags) {
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name} ${value}`];
  return [
    "latentloop train",
    ...flag("from", from),
    ...flag("replay", replay),
    ...flag("old", old),
    ...flag("old-task", oldTask),
    ...flag("settings", settings),
    ...flag("freeze", freeze?.join(" ")),
    ...flag("updates", updates),
    ...flag("seconds", seconds),
    ...flag("seed", seed),
    ...flag("threads", threads),
  ].join(" ");
}
