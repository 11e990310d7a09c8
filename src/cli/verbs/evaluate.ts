import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { BundlePolicy } from "../../learning/bundle-policy.ts";
import { type Evaluation, type EvaluationOptions, evaluate } from "../../learning/evaluate.ts";
import type { Policy } from "../../learning/policy.ts";
import { exploringPolicy } from "../../learning/rollout.ts";
import { DEPLOYED } from "../../learning/training-scores.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { commentary, formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

interface EvaluateFlags {
  readonly model: string;
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly deployed: boolean;
  readonly planGraph?: string;
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
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(evaluateBundle);
}

async function evaluateBundle({
  model,
  task,
  episodes,
  seed,
  deployed,
  planGraph: wanted,
  json,
}: EvaluateFlags): Promise<void> {
  const { manifest, onnx } = await readBundle(model);
  const graphs = new Map(Object.entries(onnx));
  const planGraph = wanted ?? (graphs.has("plan") ? "plan" : "act");
  if (!graphs.has(planGraph)) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a planning graph of ${model} but received "${planGraph}".`,
      {
        remedy: `Its graphs: ${[...graphs.keys()].join(", ")}.`,
      },
    );
  }
  const world = await openWorldOf(manifest, task);
  requireSameActions(manifest.action.dimensions.length, world.actionSpace.dimensions.length, model, task);
  const policy = await BundlePolicy.open(graphs, new Rng(seed), { planName: planGraph });
  const progress = startProgress(`evaluate ${manifest.name}`, 2 * episodes);
  try {
    const moves = deployed && world.retarget !== undefined;
    const options: Omit<EvaluationOptions, "onEpisode"> = {
      episodes,
      seed,
      ...(deployed && { delay: DEPLOYED.delay }),
      ...(moves && { episodesPerReset: DEPLOYED.episodesPerReset }),
    };
    const play = (player: Policy, before: number) =>
      evaluate(world, player, { ...options, onEpisode: (done) => progress.update(before + done) });
    const played = await play(policy, 0);
    const random = await play(exploringPolicy(world, new Rng(seed)), episodes);
    progress.stop();
    const planMs = percentiles(policy.times.planMs);
    const result = { model: manifest.name, task, seed, deployed, ...played, planMs, random };
    commentary(json)("");
    printResult(result, tableOf(played, random, planMs), json);
  } finally {
    await policy.close();
    world.close();
  }
}

function tableOf(played: Evaluation, random: Evaluation, planMs: { p50: number; p99: number }): string {
  const rowOf = (name: string, { meanReturn, successRate, meanFinalDistanceM }: Evaluation) => [
    name,
    meanReturn.toFixed(1),
    `${(100 * successRate).toFixed(0)} %`,
    meanFinalDistanceM === undefined ? "" : `${(100 * meanFinalDistanceM).toFixed(2)} cm`,
  ];
  const table = formatTable([
    ["policy", "return", "success", "distance at the end"],
    rowOf("model", played),
    rowOf("random", random),
  ]);
  return `${table}\nplan ${planMs.p50.toFixed(1)} ms (p50), ${planMs.p99.toFixed(1)} ms (p99)`;
}

function percentiles(values: readonly number[]): { p50: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function requireSameActions(model: number, task: number, bundle: string, name: string): void {
  if (model === task) return;
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected a model of ${task} action dimensions for ${name} but ${bundle} has ${model}.`,
  );
}
