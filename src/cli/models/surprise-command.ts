import { Command, Option } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import { SURPRISE_WARN_SHARE } from "../../core/surprise.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { BundlePolicy } from "../../learning/bundle-policy.ts";
import { FAULTS, FaultyWorld } from "../../learning/faulty-world.ts";
import { type SurpriseTrial, trySurprise } from "../../learning/surprise-trial.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

interface SurpriseFlags {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
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
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(rehearseFaults);
}

async function rehearseFaults(folder: string, { task, episodes, seed, json }: SurpriseFlags): Promise<void> {
  const { manifest, onnx } = await readBundle(folder);
  const { surpriseLimit: stop } = manifest;
  if (stop === null) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a bundle with a surprise limit but ${folder} has none.`,
      {
        remedy: "Train it with `latentloop train`, which calibrates the limit.",
      },
    );
  }
  const slow = SURPRISE_WARN_SHARE * stop;
  const nominal = await openWorldOf(manifest, task);
  const moved = await openWorldOf(manifest, task, { shift: MOVED });
  const policy = await BundlePolicy.open(new Map(Object.entries(onnx)), new Rng(seed));
  const progress = startProgress("episodes", (1 + Object.keys(FAULTS).length) * episodes);
  try {
    const onEpisode = (done: number) => progress.update(done);
    const trial = await trySurprise(new FaultyWorld(nominal, moved), policy, { slow, stop, episodes, seed, onEpisode });
    progress.stop();
    const { policyRateHz } = manifest;
    printResult(
      { model: manifest.name, task, episodes, slow, stop, policyRateHz, ...trial },
      tableOf(trial, policyRateHz),
      json,
    );
  } finally {
    await policy.close();
    nominal.close();
    moved.close();
  }
}

function tableOf({ nominalSteps, falseSlowRate, falseStopRate, faults }: SurpriseTrial, policyRateHz: number): string {
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
  return `${table}\n${alarms}`;
}
