import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { readRobot } from "../../config/robot-file.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import { type OpenLoopScore, scoreOpenLoop } from "../../learning/gates/open-loop.ts";
import { Samples } from "../../math/samples.ts";
import { countLimiterHits, type LimiterHits } from "../../nodes/limiter-hits.ts";
import { positive } from "../flags.ts";
import { formatTable, printResult } from "../output.ts";
import { type Panel, renderLineCharts } from "../plot/line-chart.ts";
import { type HeldOutFlags, heldOutEpisodes, heldOutOptions } from "./judge-candidate.ts";

interface ScoreFlags extends HeldOutFlags {
  readonly against?: string;
  readonly plot?: string;
  readonly robot?: string;
  readonly commandRate: number;
  readonly json: boolean;
}

interface NamedScore extends OpenLoopScore {
  readonly model: string;
  /** Undefined without a robot. */
  readonly limiter: LimiterHits | undefined;
}

/** As the control node's default, and as many plans as the gate `action-change` makes. */
const BLEND_MS = 50;
const PLANS = 96;

/** `latentloop models score`: what a model foretells of episodes that it does not act in, beside another one. */
export function scoreCommand(): Command {
  const command = new Command("score")
    .description(
      "let a model foretell recorded actions: errors over the horizon, imagined returns, limiter hits, surprise",
    )
    .argument("<bundle>", "the model's folder")
    .option("--against <bundle>", "another model, e.g. the live one; where episodes are played, it plays them")
    .option(
      "--robot <file>",
      "the robot's file: how often its limits would have changed what the model's plans ask for",
    )
    .option("--command-rate <hz>", "rate of its commands", positive, 100)
    .option("--plot <file>", "SVG to write");
  for (const option of heldOutOptions()) command.addOption(option);
  return command
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (folder: string, { against, plot, robot, commandRate, json, ...flags }: ScoreFlags) => {
      const bundles = await Promise.all([folder, ...(against === undefined ? [] : [against])].map(readBundle));
      const limits = robot === undefined ? undefined : await readRobot(robot);
      const heldOut = await heldOutEpisodes(bundles.at(-1)!, flags);
      const scores: NamedScore[] = [];
      for (const bundle of bundles) {
        const options = limits && { robot: limits, commandRateHz: commandRate, blendMs: BLEND_MS, plans: PLANS };
        const limiter = options && (await countLimiterHits(bundle, heldOut, options));
        scores.push({ model: nameOf(bundle), ...(await scoreOpenLoop(bundle, heldOut)), limiter });
      }
      if (plot !== undefined) await writeFile(plot, chartOf(scores));
      const rows = scores.map((score) => ({ ...score, surprise: surpriseOf(score) }));
      printResult({ ...flags, scores: rows }, tableOf(scores), json);
    });
}

const nameOf = ({ manifest, modelHash }: Bundle): string => `${manifest.name} (${modelHash.slice(0, 8)})`;

function surpriseOf({ surprise }: OpenLoopScore) {
  const samples = new Samples([...surprise]);
  return { p50: samples.percentile(0.5), p99: samples.percentile(0.99), max: samples.max };
}

function tableOf(scores: readonly NamedScore[]): string {
  const figure = (value: number | undefined) => (value === undefined ? "" : String(Number(value.toPrecision(3))));
  return formatTable([
    [
      "model",
      "latent, 1 step",
      "last step",
      "reward, 1 step",
      "last step",
      "imagined return",
      "recorded",
      "limited",
      "surprise p99",
    ],
    ...scores.map((score) => [
      score.model,
      figure(score.latentError[0]),
      figure(score.latentError.at(-1)),
      figure(score.rewardError[0]),
      figure(score.rewardError.at(-1)),
      figure(score.imaginedReturn),
      figure(score.recordedReturn),
      score.limiter ? `${(100 * score.limiter.limited).toFixed(1)} %` : "",
      figure(surpriseOf(score).p99),
    ]),
  ]);
}

function chartOf(scores: readonly NamedScore[]): string {
  const panel = (label: string, of: (score: OpenLoopScore) => readonly number[]): Panel => ({
    label,
    scale: "linear",
    series: scores.map((score) => ({ name: score.model, points: of(score).map((y, k) => [k + 1, y] as const) })),
  });
  return renderLineCharts("Open-loop errors on held-out episodes", "steps ahead", [
    panel("latent: share of the variance that is missed", ({ latentError }) => latentError),
    panel("reward: root mean square error", ({ rewardError }) => rewardError),
  ]);
}
