import { Command } from "commander";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import { loadReplayEpisodes } from "../../learning/episodes/replay-episodes.ts";
import { type OpenLoopScore, scoreOpenLoop } from "../../learning/gates/open-loop.ts";
import type { Evaluation } from "../../learning/run/evaluate.ts";
import { Samples } from "../../math/samples.ts";
import { playBundle, playRandomly } from "../../nodes/play-bundle.ts";
import { integer, positiveInteger } from "../flags.ts";
import { formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";
import { SCORE_HEADING, scoreCells } from "../score-cells.ts";

interface CompareFlags {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly deployed: boolean;
  readonly replay?: string;
  readonly json: boolean;
}

interface Row extends Evaluation {
  readonly model: string;
  readonly modelHash: string;
  readonly algorithm: string;
  readonly planMs: { readonly p50: number; readonly p99: number };
  readonly latentSize: number;
  /** Of all graphs together. */
  readonly bytes: number;
  /** Errors over the horizon on the replay, where one is given. */
  readonly openLoop?: Pick<OpenLoopScore, "horizon" | "starts" | "latentError" | "rewardError">;
}

/** `latentloop models compare`: several bundles on the same fresh episodes of a task, in one table. */
export function compareCommand(): Command {
  return new Command("compare")
    .description("play the same fresh episodes with several bundles: success, return, plan time, size")
    .argument("<bundle...>", "the models' folders")
    .requiredOption("--task <name>", "simulated task, e.g. reach")
    .option("--episodes <n>", "episodes of each model", positiveInteger, 50)
    .option("--seed <n>", "seed of the first episode", integer, 5_000_000)
    .option("--deployed", "plans act late, and the robot goes on from where it is when the goal moves", false)
    .option(
      "--replay <folder>",
      "recordings of which every model foretells so many episodes, the newest, from their actions alone",
    )
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(compare);
}

async function compare(folders: readonly string[], { json, replay, ...flags }: CompareFlags): Promise<void> {
  const bundles = await Promise.all(folders.map(readBundle));
  const { episodes } = flags;
  const progress = startProgress("compare", (bundles.length + 1) * episodes);
  const rows: Row[] = [];
  try {
    for (const [i, bundle] of bundles.entries()) {
      const onEpisode = (done: number) => progress.update(i * episodes + done);
      const { times, ...played } = await playBundle(bundle, { ...flags, onEpisode });
      const openLoop = replay === undefined ? undefined : await foretell(bundle, replay, episodes);
      rows.push({ ...describe(bundle), ...played, planMs: percentiles(times.planMs), ...(openLoop && { openLoop }) });
    }
    const onEpisode = (done: number) => progress.update(bundles.length * episodes + done);
    const random = await playRandomly(bundles[0]!, { ...flags, onEpisode });
    printResult({ ...flags, replay: replay ?? null, models: rows, random }, tableOf(rows, random), json);
  } finally {
    progress.stop();
  }
}

function describe({ manifest, modelHash, onnx }: Bundle) {
  return {
    model: manifest.name,
    modelHash,
    algorithm: manifest.algorithm.name,
    latentSize: manifest.latentSize,
    bytes: Object.values(onnx).reduce((sum, { length }) => sum + length, 0),
  };
}

async function foretell(bundle: Bundle, replay: string, episodes: number): Promise<Row["openLoop"]> {
  const { horizon, starts, latentError, rewardError } = await scoreOpenLoop(
    bundle,
    await loadReplayEpisodes(replay, bundle.manifest, episodes),
  );
  return { horizon, starts, latentError, rewardError };
}

function percentiles(values: readonly number[]): Row["planMs"] {
  const samples = new Samples(values);
  return { p50: samples.percentile(0.5), p99: samples.percentile(0.99) };
}

function tableOf(rows: readonly Row[], random: Evaluation): string {
  const foretold = rows.some(({ openLoop }) => openLoop);
  const figure = (value: number | undefined) => (value === undefined ? "" : String(Number(value.toPrecision(3))));
  const heading = ["model", "algorithm", ...SCORE_HEADING, "plan p50", "p99", "latent", "size"];
  const foretelling = ["latent, 1 step", "last step", "reward, 1 step", "last step"];
  return formatTable([
    [...heading, ...(foretold ? foretelling : [])],
    ...rows.map(({ openLoop, ...row }) => [
      row.model,
      row.algorithm,
      ...scoreCells(row),
      `${row.planMs.p50.toFixed(1)} ms`,
      `${row.planMs.p99.toFixed(1)} ms`,
      String(row.latentSize),
      `${(row.bytes / 1e3).toFixed(0)} kB`,
      figure(openLoop?.latentError[0]),
      figure(openLoop?.latentError.at(-1)),
      figure(openLoop?.rewardError[0]),
      figure(openLoop?.rewardError.at(-1)),
    ]),
    ["random actions", "", ...scoreCells(random)],
  ]);
}
