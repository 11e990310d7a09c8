import { join } from "node:path";
import { Command, Option } from "commander";
import type { Manifest } from "../../config/manifest.ts";
import { readText } from "../../config/read-config.ts";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import { surpriseWarnOf } from "../../core/surprise.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { writeFileAtomically } from "../../learning/atomic-file.ts";
import { BundlePolicy } from "../../learning/bundle/bundle-policy.ts";
import { LocalGraph } from "../../learning/bundle/local-graph.ts";
import { FALSE_ALARM_RATE } from "../../learning/run/training-scores.ts";
import { FAULTS, type Fault, FaultyWorld } from "../../learning/surprise/faulty-world.ts";
import { PATIENCE_STEPS, SIGNS, type SurpriseTrial, trySurprise } from "../../learning/surprise/surprise-trial.ts";
import { WatchedPolicy } from "../../learning/surprise/watched-policy.ts";
import { MOVED_CAMERAS } from "../../nodes/simulated-robot.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { formatTable, printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

interface SurpriseFlags {
  readonly task: string;
  readonly episodes: number;
  readonly seed: number;
  readonly falseAlarmRate: number;
  readonly faults?: readonly Fault[];
  readonly write: boolean;
  readonly json: boolean;
}

/** Between the command that trained a bundle and the one that calibrated it last. */
const CALIBRATED = " && ";
/** As the world-model node's default. */
const FROZEN_MOTION_RAD = 0.05;

/** `latentloop models surprise`: how often a model's surprise raises a false alarm, and how soon a true one. */
export function surpriseCommand(): Command {
  return new Command("surprise")
    .description("rehearse faults of the cameras in simulation: false alarms, detection rate and delay")
    .argument("<bundle>", "the model's folder")
    .addOption(new Option("--task <name>", "simulated task, e.g. reach").makeOptionMandatory())
    .option("--episodes <n>", "episodes without a fault, and with each fault", positiveInteger, 20)
    .option("--seed <n>", "seed of the first episode", integer, 8_000_000)
    .option("--false-alarm-rate <share>", "of steps, that the threshold is calibrated to", positive, FALSE_ALARM_RATE)
    .addOption(
      new Option("--faults <name...>", "only these; by default all that the task has something for").choices(
        Object.keys(FAULTS),
      ),
    )
    .option(
      "--write",
      "put the calibrated thresholds of surprise and scene into the bundle's manifest; its hash changes",
      false,
    )
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(rehearseFaults);
}

async function rehearseFaults(
  folder: string,
  { task, episodes, seed, falseAlarmRate, faults: wanted, write, json }: SurpriseFlags,
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
  const moved = await openWorldOf(manifest, task, { shift: MOVED_CAMERAS });
  const policy = await BundlePolicy.open(new Map(Object.entries(onnx)), new Rng(seed));
  const decode = onnx.decode && (await LocalGraph.open(onnx.decode));
  const faulty = new FaultyWorld(nominal, moved);
  const faults = faulty.faults.filter((fault) => wanted?.includes(fault) ?? true);
  const progress = startProgress("episodes", (2 + faults.length) * episodes);
  try {
    const onEpisode = (done: number) => progress.update(done);
    const options = { stop, falseAlarmRate, episodes, seed, faults, onEpisode };
    const watched = new WatchedPolicy(policy, decode, nominal, FROZEN_MOTION_RAD);
    const trial = await trySurprise(faulty, policy, watched, options);
    if (write) {
      const flags = `--task ${task} --episodes ${episodes} --seed ${seed} --false-alarm-rate ${falseAlarmRate}`;
      await storeThresholds(folder, trial, `latentloop models surprise ${folder} ${flags} --write`);
    }
    progress.stop();
    const { policyRateHz } = manifest;
    const own = { warn: surpriseWarnOf(manifest), stop };
    const result = { model: manifest.name, task, episodes, falseAlarmRate, policyRateHz, own, ...trial };
    printResult(result, tableOf(trial, own, policyRateHz), json);
  } finally {
    await policy.close();
    await decode?.close();
    nominal.close();
    moved.close();
  }
}

function tableOf(
  { slow, scene, nominalSteps, falseAlarms, falseAlarmsBy, falseStopRate, faults }: SurpriseTrial,
  own: { readonly warn: number; readonly stop: number },
  policyRateHz: number,
): string {
  const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;
  const table = formatTable([
    ["fault", "noticed", "by surprise", "by the scene", "as frozen", "stops", "delay", ""],
    ...faults.map(({ fault, about, noticed, noticedBy, stopped, medianDelaySteps }) => [
      fault,
      percent(noticed),
      ...SIGNS.map((sign) => percent(noticedBy[sign])),
      percent(stopped),
      Number.isNaN(medianDelaySteps) ? "" : `${((1000 * medianDelaySteps) / policyRateHz).toFixed(0)} ms`,
      about,
    ]),
  ]);
  const bySign = SIGNS.map((sign) => `${sign} ${percent(falseAlarmsBy[sign], 2)}`).join(", ");
  const alarms = `Without a fault, ${nominalSteps} steps: ${percent(falseAlarms, 2)} raise an alarm (${bySign}), ${percent(falseStopRate, 2)} stop the robot. Within ${PATIENCE_STEPS} steps counts as noticed.`;
  const thresholds = `Slows down above ${slow.toPrecision(3)} (calibrated here; the bundle says ${own.warn.toPrecision(3)}; --write puts it there), stops above ${own.stop.toPrecision(3)}.`;
  const strange = scene
    ? `The scene is strange above ${scene.warn.toPrecision(3)}, summed up from ${scene.reference.toPrecision(3)} on; --write puts it there, too.`
    : "Its scene cannot be watched: the model paints no images, or fewer than four episodes were played.";
  return [table, alarms, thresholds, strange].join("\n");
}

/**
 * The bundle with these thresholds is another one: its manifest, and so its hash, change.
 * @param command that calibrated them
 */
async function storeThresholds(folder: string, { slow, scene }: SurpriseTrial, command: string): Promise<void> {
  const file = join(folder, "manifest.json");
  const before = JSON.parse(await readText(file)) as Manifest;
  const [trainedBy] = before.training.command.split(CALIBRATED);
  const training = { ...before.training, command: `${trainedBy}${CALIBRATED}${command}` };
  const surpriseWarn = Math.min(slow, surpriseWarnOf({ surpriseLimit: before.surpriseLimit }));
  const manifest = { ...before, surpriseWarn, ...(scene && { scene }), training };
  await writeFileAtomically(file, [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)]);
}
