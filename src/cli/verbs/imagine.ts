import { mkdir } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { Command } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import { fitProbeDecoder } from "../../learning/bundle/probe-decoder.ts";
import { type Imagination, imagine } from "../../learning/imagination.ts";
import { spacesOfManifest } from "../../learning/world/spaces.ts";
import { integer, positiveInteger } from "../flags.ts";
import { type OtherEpisodes, playShownEpisode, readShownEpisode, type ShownEpisode } from "../imagine/shown-episode.ts";
import { printResult } from "../output.ts";
import { writeImaginationFilm, writeImaginationStrip } from "../plot/imagined-frames.ts";
import { startProgress } from "../progress.ts";

interface ImagineFlags {
  readonly model: string;
  readonly task?: string;
  readonly replay?: string;
  readonly episode: number;
  readonly out: string;
  readonly steps: number;
  readonly seed: number;
  readonly probeUpdates: number;
  readonly json: boolean;
}

/** Steps of the episode that the model sees before it imagines. */
const SEEN_STEPS = 4;
/** What the decoder of a bundle without one learns from. */
const PROBE_EPISODES = 60;

/**
 * `latentloop imagine`: true frames above what the model imagined from the actions alone. For a bundle without a decoder one is
 * fitted to its latents first.
 */
export function imagineCommand(): Command {
  return new Command("imagine")
    .description("draw true frames above the frames that a bundle imagines from the same actions")
    .requiredOption("--model <folder>", "bundle")
    .option("--task <name>", "an episode of this simulated task, by random actions")
    .option("--replay <folder>", "a recorded episode: a bag, or a folder of bags")
    .option("--episode <n>", "with --replay: which, counted back from the newest", positiveInteger, 1)
    .option("--out <file>", "PNG or MP4 to write", "imagined.png")
    .option("--steps <n>", "steps to imagine", positiveInteger, 16)
    .option("--seed <n>", "seed of the episode, and of the model's noise", integer, 1)
    .option("--probe-updates <n>", "updates of the decoder that a bundle without one is given", positiveInteger, 1500)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(run);
}

async function run(flags: ImagineFlags): Promise<void> {
  const { model, out, steps, seed, probeUpdates, json } = flags;
  const write = writerFor(out);
  const bundle = await readBundle(model);
  const { manifest, onnx } = bundle;
  const graphs = new Map(Object.entries(onnx));
  if (!graphs.has("imagine")) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a bundle that imagines but received ${model}.`, {
      remedy: `Its graphs: ${[...graphs.keys()].join(", ")}.`,
    });
  }
  const probed = !graphs.has("decode");
  const progress = startProgress(`imagine with ${manifest.name}`, probed ? PROBE_EPISODES + probeUpdates : 1);
  try {
    const count = probed ? PROBE_EPISODES : 0;
    const { shown, others } = await showEpisode(bundle, flags, { count, onEpisode: (done) => progress.update(done) });
    if (probed) {
      const onUpdate = (done: number) => progress.update(PROBE_EPISODES + done);
      graphs.set("decode", await fitProbeDecoder(bundle, others, { updates: probeUpdates, seed, onUpdate }));
    }
    const { cameras } = spacesOfManifest(manifest);
    const imagination = await imagine(shown, cameras, graphs, { seed, seenSteps: SEEN_STEPS, steps });
    await mkdir(dirname(out), { recursive: true });
    await write(imagination, manifest.policyRateHz);
    const { trueRewards, imaginedRewards } = imagination;
    const errors = trueRewards.map((reward, i) => Math.abs(reward - imaginedRewards[i]!));
    const meanRewardError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const { task = null, replay = null } = flags;
    printResult(
      { model: manifest.name, task, replay, seed, out, steps, probed, trueRewards, imaginedRewards, meanRewardError },
      `${out}: ${steps} steps, true frames above imagined ones${probed ? ", painted by a probe" : ""}; rewards off by ${meanRewardError.toFixed(3)} on average`,
      json,
    );
  } finally {
    progress.stop();
  }
}

function showEpisode(bundle: Bundle, flags: ImagineFlags, others: OtherEpisodes): Promise<ShownEpisode> {
  const { task, replay, episode, seed } = flags;
  if (task !== undefined && replay === undefined) return playShownEpisode(bundle, { task, seed }, others);
  if (replay !== undefined && task === undefined) return readShownEpisode(bundle, { replay, episode }, others);
  throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected either --task <name> or --replay <folder>.");
}

/** How a file of this name shows what was imagined. */
function writerFor(out: string): (imagination: Imagination, rateHz: number) => Promise<void> {
  const extension = extname(out).toLowerCase();
  if (extension === ".png") return (imagination) => writeImaginationStrip(out, imagination);
  if (extension === ".mp4") return (imagination, rateHz) => writeImaginationFilm(out, imagination, rateHz);
  throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected --out to end in .png or .mp4 but received ${out}.`);
}
