import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import { fitProbeDecoder } from "../../learning/bundle/probe-decoder.ts";
import { imagine } from "../../learning/imagination.ts";
import type { TrainingWorld } from "../../learning/world/training-world.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import { integer, positiveInteger } from "../flags.ts";
import { printResult } from "../output.ts";
import { writeImaginationStrip } from "../plot/image-strip.ts";
import { startProgress } from "../progress.ts";

interface ImagineFlags {
  readonly model: string;
  readonly task: string;
  readonly out: string;
  readonly steps: number;
  readonly seed: number;
  readonly probeUpdates: number;
  readonly json: boolean;
}

/** Steps of the episode that the model sees before it imagines. */
const SEEN_STEPS = 4;
/** What the decoder of a bundle without one learns from. */
const PROBE = { episodes: 60, seed: 9_000_000 };

/**
 * `latentloop imagine`: true frames above what the model imagined from the actions alone. For a bundle without a decoder one is
 * fitted to its latents first.
 */
export function imagineCommand(): Command {
  return new Command("imagine")
    .description("draw true frames above the frames that a bundle imagines from the same actions")
    .requiredOption("--model <folder>", "bundle")
    .requiredOption("--task <name>", "simulated task, e.g. reach")
    .option("--out <file>", "PNG to write", "imagined.png")
    .option("--steps <n>", "steps to imagine", positiveInteger, 16)
    .option("--seed <n>", "seed of the episode", integer, 1)
    .option("--probe-updates <n>", "updates of the decoder that a bundle without one is given", positiveInteger, 1500)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async ({ model, task, out, steps, seed, probeUpdates, json }: ImagineFlags) => {
      const bundle = await readBundle(model);
      const { manifest, onnx } = bundle;
      const graphs = new Map(Object.entries(onnx));
      if (!graphs.has("imagine")) {
        throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a bundle that imagines but received ${model}.`, {
          remedy: `Its graphs: ${[...graphs.keys()].join(", ")}.`,
        });
      }
      const world = await openWorldOf(manifest, task);
      try {
        const probed = !graphs.has("decode");
        if (probed) graphs.set("decode", await probe(bundle, world, probeUpdates));
        const imagination = await imagine(world, graphs, { seed, seenSteps: SEEN_STEPS, steps });
        await writeImaginationStrip(out, imagination);
        const { trueRewards, imaginedRewards } = imagination;
        const errors = trueRewards.map((reward, i) => Math.abs(reward - imaginedRewards[i]!));
        const meanRewardError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
        printResult(
          { model: manifest.name, task, seed, out, steps, probed, trueRewards, imaginedRewards, meanRewardError },
          `${out}: ${steps} steps, true frames above imagined ones${probed ? ", painted by a probe" : ""}; rewards off by ${meanRewardError.toFixed(3)} on average`,
          json,
        );
      } finally {
        world.close();
      }
    });
}

/** A decoder fitted to what the bundle believes about episodes of the task, its own and random ones. */
async function probe(bundle: Bundle, world: TrainingWorld, updates: number): Promise<Uint8Array> {
  const { episodes } = PROBE;
  const progress = startProgress(`a decoder for ${bundle.manifest.name}`, episodes + updates);
  try {
    const onEpisode = (done: number) => progress.update(done);
    const store = await playHeldOutEpisodes(world, bundle, { ...PROBE, onEpisode });
    const onUpdate = (done: number) => progress.update(episodes + done);
    return await fitProbeDecoder(bundle, store, { updates, seed: PROBE.seed, onUpdate });
  } finally {
    progress.stop();
  }
}
