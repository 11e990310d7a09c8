import { basename, join } from "node:path";
import { Command, Option } from "commander";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { LEARNING_SYSTEMS } from "../../learning/index.ts";
import { OBSERVATION_KINDS, type ObservationKind } from "../../learning/learner.ts";
import { CurveFile } from "../../learning/run/curve.ts";
import { trainOnTask } from "../../nodes/train-on-task.ts";
import { integer, positive, positiveInteger } from "../flags.ts";
import { commentary, printResult } from "../output.ts";
import { drawTrainingCurve } from "../plot/training-curve.ts";
import { untilStopped } from "../stop-signal.ts";
import { type FineTuneFlags, fineTune, fineTuneOptions } from "../train/fine-tune.ts";
import { watchTraining } from "../training-view.ts";

interface TrainFlags extends Omit<FineTuneFlags, "from"> {
  readonly from?: string;
  readonly algo?: string;
  readonly task?: string;
  readonly size?: string;
  readonly observe?: ObservationKind;
  readonly steps?: number;
  readonly episodes: number;
}

/** `latentloop train`: a model from nothing, on a simulated task or on recordings of it; or a bundle trained further. */
export function trainCommand(): Command {
  const systems = LEARNING_SYSTEMS.map(
    ({ name, title, sizes }) => `  ${name.padEnd(12)} ${title}${sizes ? ` (sizes ${sizes.join(", ")})` : ""}`,
  );
  const command = new Command("train")
    .description("train a model on a simulated task or on recordings, or a bundle further, and export it as a bundle")
    .option("--algo <name>", "learning system")
    .option("--task <name>", "simulated task, e.g. reach or arm-reach")
    .option("--replay <folder>", "learn from these recordings, also while they are written, instead of collecting")
    .option("--size <name>", "size preset of the system's networks")
    .addOption(new Option("--observe <kind>", "what it senses; by default the recipe's").choices(OBSERVATION_KINDS))
    .option("--steps <n>", "environment steps; by default the recipe's", positiveInteger)
    .option("--seconds <n>", "time for collecting and training; the result then depends on the machine", positive)
    .option("--seed <n>", "seed of everything that is random", integer, 1)
    .option("--threads <n>", "threads of one operator", positiveInteger, 1)
    .option("--episodes <n>", "episodes of the last evaluation", positiveInteger, 50)
    .option("--out <folder>", "checkpoint, curve and imagined frames; by default runs/<task>-<algo>-<seed>")
    .option("--bundle <folder>", "the trained model; by default <out>/bundle")
    .option("--resume", "go on from the checkpoint in the folder", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .addHelpText("after", `\nLearning systems:\n${systems.join("\n")}`)
    .action(train);
  for (const option of fineTuneOptions()) command.addOption(option);
  return command;
}

async function train(flags: TrainFlags, command: Command): Promise<void> {
  const { from, algo, task } = flags;
  requireFlagsOfOneMode(command, from !== undefined);
  await untilStopped(async (signal) => {
    if (from !== undefined) await fineTune({ ...flags, from }, signal);
    else if (algo !== undefined && task !== undefined) await trainFromNothing({ ...flags, algo, task }, signal);
    else throw incomplete(algo === undefined ? "--algo <name>" : "--task <name>");
  });
}

/** Options that only a model from nothing has. */
const FROM_NOTHING = ["--algo", "--task", "--size", "--observe", "--steps", "--episodes"];

/** @throws ERR_INVALID_ARGUMENT for a flag that would change nothing */
function requireFlagsOfOneMode(command: Command, isFineTuning: boolean): void {
  const foreign = isFineTuning ? FROM_NOTHING : fineTuneOptions().map(({ long }) => long);
  const given = command.options.filter(
    (option) => foreign.includes(option.long!) && command.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (given.length === 0) return;
  const flags = given.map(({ long }) => long).join(", ");
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    isFineTuning
      ? `Expected no ${flags} with --from: a bundle that is trained further says that itself.`
      : `Expected --from <bundle> with ${flags}: only a bundle that is there is trained further.`,
  );
}

function incomplete(missing: string): LatentloopError {
  return new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${missing}, or --from <bundle> to train one further.`, {
    remedy: "The task says what a model senses and does, and it is evaluated there, also when it learns from --replay.",
  });
}

type FromNothing = TrainFlags & { readonly algo: string; readonly task: string };

async function trainFromNothing(flags: FromNothing, signal: AbortSignal): Promise<void> {
  const { algo, task, replay, seed, size, observe, steps, seconds, threads, episodes, resume, json } = flags;
  const folder = flags.out ?? join("runs", `${task}-${algo}-${seed}`);
  const bundle = flags.bundle ?? join(folder, "bundle");
  const log = commentary(json);
  const view = watchTraining({ title: `${algo} ${task}`, log, stripPath: join(folder, "imagined.png") });
  try {
    const { manifest, scores } = await trainOnTask({
      algorithm: algo,
      task,
      seed,
      ...(replay !== undefined && { replay }),
      ...(size !== undefined && { size }),
      ...(observe !== undefined && { observation: observe }),
      clock: systemClock(),
      ...(steps !== undefined && { steps }),
      ...(seconds !== undefined && { seconds }),
      session: { threads },
      folder,
      resume,
      evaluationEpisodes: episodes,
      bundle: { folder: bundle, name: flags.bundle ? basename(bundle) : `${task}-${algo}`, command: commandOf(flags) },
      watcher: view,
      signal,
    });
    await view.stop();
    await drawTrainingCurve(
      join(folder, "curve"),
      `${algo} on ${task}, seed ${seed}`,
      await new CurveFile(join(folder, "curve.jsonl")).read(),
    );
    const percent = (rate: number) => `${(100 * rate).toFixed(0)} %`;
    printResult(
      { task, algorithm: algo, seed, bundle, curve: join(folder, "curve.png"), ...scores },
      [
        `success ${percent(scores.ideal.successRate)} (with delay and moving goals ${percent(scores.deployed.successRate)}, random policy ${percent(scores.random.successRate)})`,
        `model  ${bundle} (${manifest.name})`,
        `curve  ${join(folder, "curve.png")}`,
      ].join("\n"),
      json,
    );
  } finally {
    await view.stop();
  }
}

/** The command that makes the same bundle again: what decides the result, in one order. */
function commandOf(flags: FromNothing): string {
  const { algo, task, replay, size, observe, steps, seconds, seed, threads, episodes, bundle } = flags;
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}`, `${value}`];
  return [
    "latentloop train",
    ...flag("algo", algo),
    ...flag("task", task),
    ...flag("replay", replay),
    ...flag("size", size),
    ...flag("observe", observe),
    ...flag("steps", steps),
    ...flag("seconds", seconds),
    ...flag("seed", seed),
    ...flag("threads", threads),
    ...flag("episodes", episodes),
    ...flag("bundle", bundle),
  ].join(" ");
}
