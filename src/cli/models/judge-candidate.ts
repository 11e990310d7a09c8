import { Option } from "commander";
import { parseStrict } from "../../config/parse-strict.ts";
import { readConfig } from "../../config/read-config.ts";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { inferenceParameters } from "../../inference/placement.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import { loadReplayEpisodes } from "../../learning/episodes/replay-episodes.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import { GATES, type GateSettings, gatesSchema } from "../../learning/gates/index.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { type Proposal, propose } from "../../learning/models/propose.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { startProgress } from "../progress.ts";

/** Where held-out episodes come from: recordings, or a simulated task. */
export interface HeldOutFlags {
  readonly replay?: string;
  readonly task?: string;
  readonly episodes: number;
  readonly seed: number;
}

/** Flags of the verbs that look at a candidate. */
export interface JudgeFlags extends HeldOutFlags {
  readonly gates?: string;
  readonly without: readonly string[];
}

export const heldOutOptions = (): Option[] => [
  new Option("--replay <folder>", "recordings that the candidate was not trained on"),
  new Option("--task <name>", "or a simulated task to play episodes in").conflicts("replay"),
  new Option("--episodes <n>", "held-out episodes: the newest recorded ones, or so many played")
    .argParser(positiveInteger)
    .default(12),
  new Option("--seed <n>", "seed of the first one played").argParser(integer).default(7_000_000),
];

export const gateOptions = (): Option[] => [
  new Option("--gates <file>", "YAML file with the gates' parameters"),
  new Option("--without <gate...>", "gates that are not asked; the ledger says so")
    .choices(GATES.map(({ name }) => name))
    .default([]),
];

/** Leads a bundle through the gates against the folder's live model and writes the outcome into the ledger. */
export async function judgeCandidate(
  models: ModelsFolder,
  bundleFolder: string,
  flags: JudgeFlags,
  log: (line: string) => void,
): Promise<Proposal> {
  return propose(models, bundleFolder, {
    heldOut: (seenBy) => heldOutEpisodes(seenBy, flags),
    settings: await gateSettings(flags),
    clock: systemClock(),
    inference: parseStrict(inferenceParameters, { provider: "cpu", threads: 1 }, "the gates"),
    onVerdict: (verdict) => log(formatVerdict(verdict)),
  });
}

async function gateSettings({ gates, without }: JudgeFlags): Promise<GateSettings> {
  const settings =
    gates === undefined ? parseStrict(gatesSchema, {}, "the gates") : await readConfig(gatesSchema, gates);
  const off = without.map((name) => [name, { ...settings[name], enabled: false }]);
  return { ...settings, ...Object.fromEntries(off) };
}

/** Recorded episodes, or episodes of a task played by a bundle and at random. @throws ERR_INVALID_ARGUMENT without either */
export async function heldOutEpisodes(
  player: Bundle,
  { replay, task, episodes, seed }: HeldOutFlags,
): Promise<EpisodeStore> {
  if (replay !== undefined) return loadReplayEpisodes(replay, player.manifest, episodes);
  if (task === undefined) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      "Expected episodes to judge by: --replay <folder> or --task <name>.",
    );
  }
  const world = await openWorldOf(player.manifest, task);
  const progress = startProgress("held-out episodes", episodes);
  try {
    return await playHeldOutEpisodes(world, player, { episodes, seed, onEpisode: (done) => progress.update(done) });
  } finally {
    progress.stop();
    world.close();
  }
}

/** "✓ k-step        0.0123 variance share, at most 0.0130 (the live model has 0.01238)" */
export function formatVerdict({ gate, passed, figure, limit, unit, note }: Verdict): string {
  const mark = passed === null ? "·" : passed ? "✓" : "✗";
  const measured = figure === null ? "" : `${Number(figure.toPrecision(4))} ${unit}`;
  const bound = limit === null ? "" : `, at most ${Number(limit.toPrecision(4))}`;
  return `${mark} ${gate.padEnd(15)} ${measured}${bound}${measured === "" ? note : ` (${note})`}`;
}
