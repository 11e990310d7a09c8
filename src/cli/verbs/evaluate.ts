import { Command } from "commander";
import { readConfig } from "../../config/read-config.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import type { Evaluation } from "../../learning/run/evaluate.ts";
import { Samples } from "../../math/samples.ts";
import { playBundle, playRandomly } from "../../nodes/play-bundle.ts";
import { domainShiftSchema, shiftOf } from "../../sim/domain-shift-schema.ts";
import { integer, positiveInteger } from "../flags.ts";
import { commentary, formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";
import { SCORE_HEADING, scoreCells } from "../score-cells.ts";

interface EvaluateFlags {
  readonly model: string;
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly deployed: boolean;
  readonly planGraph?: string;
  readonly shift?: string;
  readonly json: boolean;
}

/** `latentloop evaluate`: how well a bundle does a task, beside a random policy on the same episodes. */
export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("play fresh episodes with a bundle, and with a random policy beside it")
    .requiredOption("--model <folder>", "bundle")
    .requiredOption("--task <name>", "simulated task, e.g. reach")
    .option("--episodes <n>", "episodes of each policy", positiveInteger, 50)
    .option("--seed <n>", "seed of the first episode", integer, 5_000_000)
    .option("--deployed", "plans act late, and the robot goes on from where it is when the goal moves", false)
    .option("--plan-graph <name>", "plan, plan_short or act; by default plan, or act if the bundle does not plan")
    .option("--shift <file>", "YAML file that says how the world differs from the nominal one")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(evaluateBundle);
}

async function evaluateBundle({ model, json, planGraph, shift: file, ...flags }: EvaluateFlags): Promise<void> {
  const { task, seed, deployed, episodes } = flags;
  const shift = file === undefined ? {} : shiftOf(await readConfig(domainShiftSchema, file));
  const bundle = await readBundle(model);
  const progress = startProgress(`evaluate ${bundle.manifest.name}`, 2 * episodes);
  try {
    const { times, ...played } = await playBundle(bundle, {
      ...flags,
      planGraph,
      shift,
      onEpisode: (done) => progress.update(done),
    });
    const random = await playRandomly(bundle, {
      ...flags,
      shift,
      onEpisode: (done) => progress.update(episodes + done),
    });
    const samples = new Samples(times.planMs);
    const planMs = { p50: samples.percentile(0.5), p99: samples.percentile(0.99) };
    const result = { model: bundle.manifest.name, task, seed, deployed, ...played, planMs, random };
    commentary(json)("");
    printResult(result, tableOf(played, random, planMs), json);
  } finally {
    progress.stop();
  }
}

function tableOf(played: Evaluation, random: Evaluation, planMs: { p50: number; p99: number }): string {
  const table = formatTable([
    ["policy", ...SCORE_HEADING],
    ["model", ...scoreCells(played)],
    ["random", ...scoreCells(random)],
  ]);
  return `${table}\nplan ${planMs.p50.toFixed(1)} ms (p50), ${planMs.p99.toFixed(1)} ms (p99)`;
}
