import { Option } from "commander";
import { parseStrict } from "../../config/parse-strict.ts";
import { readConfig } from "../../config/read-config.ts";
import { systemClock } from "../../core/clock.ts";
import { inferenceParameters } from "../../inference/placement.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../../learning/episode-store.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import { GATES, type GateSettings, gatesSchema } from "../../learning/gates/index.ts";
import { type Judgement, judge } from "../../learning/gates/judge.ts";
import { type ModelsFolder, refOf } from "../../learning/models/models-folder.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { formatTable } from "../output.ts";
import { startProgress } from "../progress.ts";

/** Flags of the verbs that look at a candidate. */
export interface JudgeFlags {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly gates?: string;
  readonly without: readonly string[];
}

export const heldOutOptions = (): Option[] => [
  new Option("--task <name>", "simulated task that held-out episodes are played in").makeOptionMandatory(),
  new Option("--episodes <n>", "held-out episodes").argParser(positiveInteger).default(12),
  new Option("--seed <n>", "seed of the first one").argParser(integer).default(7_000_000),
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
): Promise<Judgement & { readonly name: string | undefined }> {
  const settings = await gateSettings(flags);
  const clock = systemClock();
  const liveModel = await models.live();
  const live = liveModel && (await readBundle(liveModel.folder));
  const judgement = await judge(bundleFolder, {
    live,
    heldOut: (candidate) => playEpisodes(live ?? candidate, flags),
    settings,
    clock,
    inference: parseStrict(inferenceParameters, { provider: "cpu", threads: 1 }, "the gates"),
    onVerdict: (verdict) => log(formatVerdict(verdict)),
  });
  const { passed, verdicts, bundle } = judgement;
  const name = passed && bundle ? await models.admit(bundle) : undefined;
  await models.record({
    event: "judged",
    at: new Date().toISOString(),
    model: { name: name ?? bundleFolder, hash: bundle?.modelHash ?? null },
    live: liveModel ? refOf(liveModel) : null,
    passed,
    verdicts: [...verdicts],
  });
  return { ...judgement, name };
}

async function gateSettings({ gates, without }: JudgeFlags): Promise<GateSettings> {
  const settings =
    gates === undefined ? parseStrict(gatesSchema, {}, "the gates") : await readConfig(gatesSchema, gates);
  const off = without.map((name) => [name, { ...settings[name], enabled: false }]);
  return { ...settings, ...Object.fromEntries(off) };
}

/** Held-out episodes of a task, played by a bundle and at random. */
export async function playEpisodes(
  player: Bundle,
  { task, episodes, seed }: Pick<JudgeFlags, "task" | "episodes" | "seed">,
): Promise<EpisodeStore> {
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

export function formatVerdicts(verdicts: readonly Verdict[]): string {
  return formatTable(verdicts.map((verdict) => [formatVerdict(verdict)]));
}
