import { Command, Option } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import { surpriseWarnOf } from "../../core/surprise.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { BundlePolicy } from "../../learning/bundle-policy.ts";
import { FAULTS, FaultyWorld } from "../../learning/faulty-world.ts";
import { type SurpriseTrial, trySurprise } from "../../learning/surprise-trial.ts";
import { FALSE_ALARM_RATE } from "../../learning/training-scores.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

interface SurpriseFlags {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly falseAlarmRate: number;
  readonly json: boolean;
}

/** How far the moved camera stands from where it was. */
const MOVED = { cameraOffsetM: [0.05, 0.03, 0], cameraRotationRad: [0, 0, 0.1] } as const;

/** `latentloop models surprise`: how often a model's surprise raises a false alarm, and how soon a true one. */
export function surpriseCommand(): Command {
  return new Command("surprise")
    .description("rehearse faults of the cameras in simulation: false alarms, detection rate and delay")
    .argument("<bundle>", "the model's folder")
    .addOption(new Option("--task <name>", "simulated task, e.g. reach").makeOptionMandatory())
    .option("--episodes <n>", "episodes without a fault, and with each fault", positiveInteger, 20)
    .option("--seed <n>", "seed of the first episode", integer, 8_000_000)
    .option("--false-alarm-rate <share>", "of steps, that the threshold is calibrated to", positive, FALSE_ALARM_RATE)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(rehearseFaults);
}

async function rehearseFaults(
  folder: string,
  { task, episodes, seed, falseAlarmRate, json }: SurpriseFlags,
): Promise<void> {
  const { manifest, onnx } = await readBundle(folder);
  const stop = manifest.surpriseLimit;
  if (stop === null) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a bundle with a surprise limit but ${folder} has none.`,
      {
        remedy: "Train it with `latentloop train`, which calibrates the limit.",
      },
    );
  }
  const nominal = await openWorldOf(manifest, task);
  const moved = await openWorldOf(manifest, task, { shift: MOVED });
  const policy = await BundlePolicy.open(new Map(Object.entries(onnx)), new Rng(seed));
  const progress = startProgress("episodes", (2 + Object.keys(FAULTS).length) * episodes);
  try {
    const onEpisode = (done: number) => progress.update(done);
    const options = { stop, falseAlarmRate, episodes, seed, onEpisode };
    const trial = await trySurprise(new FaultyWorld(nominal, moved), policy, options);
    progress.stop();
    const { policyRateHz } = manifest;
    const own = { warn: surpriseWarnOf(manifest), stop };
    const result = { model: manifest.name, task, episodes, falseAlarmRate, policyRateHz, own, ...trial };
    printResult(result, tableOf(trial, own, policyRateHz), json);
  } finally {
    await policy.close();
    nominal.close();
    moved.close();
  }
}

function tableOf(
  { slow, nominalSteps, falseSlowRate, falseStopRate, faults }: SurpriseTrial,
  own: { readonly warn: number; readonly stop: number },
  policyRateHz: number,
): string {
  const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;
  const table = formatTable([
    ["fault", "slows down", "stops", "delay", ""],
    ...faults.map(({ fault, about, slowed, stopped, medianDelaySteps }) => [
      fault,
      percent(slowed),
      percent(stopped),
      Number.isNaN(medianDelaySteps) ? "" : `${((1000 * medianDelaySteps) / policyRateHz).toFixed(0)} ms`,
      about,
    ]),
  ]);
  const alarms = `Without a fault, ${nominalSteps} steps: ${percent(falseSlowRate, 2)} slow the robot down, ${percent(falseStopRate, 2)} stop it.`;
  const thresholds = `Slows down above ${slow.toPrecision(3)} (calibrated here; the bundle says ${own.warn.toPrecision(3)}), stops above ${own.stop.toPrecision(3)}.`;
  return [table, alarms, thresholds].join("\n");
}
