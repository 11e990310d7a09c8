import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { imagine } from "../../learning/imagination.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { printResult } from "../output.ts";
import { writeImaginationStrip } from "../plot/image-strip.ts";

interface ImagineFlags {
  readonly model: string;
  readonly task: string;
  readonly out: string;
  readonly steps: number;
  readonly seed: number;
  readonly json: boolean;
}

/** Steps of the episode that the model sees before it imagines. */
const SEEN_STEPS = 4;

/** `latentloop imagine`: true frames above what the model imagined from the actions alone. */
export function imagineCommand(): Command {
  return new Command("imagine")
    .description("draw true frames above the frames that a bundle imagines from the same actions")
    .requiredOption("--model <folder>", "bundle")
    .requiredOption("--task <name>", "simulated task, e.g. reach")
    .option("--out <file>", "PNG to write", "imagined.png")
    .option("--steps <n>", "steps to imagine", positiveInteger, 16)
    .option("--seed <n>", "seed of the episode", integer, 1)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async ({ model, task, out, steps, seed, json }: ImagineFlags) => {
      const { manifest, onnx } = await readBundle(model);
      const graphs = new Map(Object.entries(onnx));
      if (!graphs.has("imagine") || !graphs.has("decode")) {
        throw new LatentloopError(
          "ERR_INVALID_ARGUMENT",
          `Expected a bundle that imagines and decodes but received ${model}.`,
          {
            remedy: `Its graphs: ${[...graphs.keys()].join(", ")}.`,
          },
        );
      }
      const world = await openWorldOf(manifest, task);
      try {
        const imagination = await imagine(world, graphs, { seed, seenSteps: SEEN_STEPS, steps });
        await writeImaginationStrip(out, imagination);
        const { trueRewards, imaginedRewards } = imagination;
        const errors = trueRewards.map((reward, i) => Math.abs(reward - imaginedRewards[i]!));
        const meanRewardError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
        printResult(
          { model: manifest.name, task, seed, out, steps, trueRewards, imaginedRewards, meanRewardError },
          `${out}: ${steps} steps, true frames above imagined ones; rewards off by ${meanRewardError.toFixed(3)} on average`,
          json,
        );
      } finally {
        world.close();
      }
    });
}
