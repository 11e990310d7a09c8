import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import {
  adam,
  add,
  buildStep,
  cosineDecay,
  div,
  globalNorm,
  initializeParameters,
  type Parameters,
  type StepDefinition,
  type Sym,
  sub,
} from "../../graph/index.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { IMAGE_SIZE, paintImage } from "../../world-models/keypoint.ts";
import { toBytes } from "../../world-models/observation-networks.ts";
import type { ImageSyms, ModelSpaces } from "../../world-models/world-model.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { reconstructionLoss } from "../losses/reconstruction-loss.ts";
import { batchRng } from "../optimization/batches.ts";
import type { SessionOptions } from "../optimization/session.ts";
import { StepRunner } from "../optimization/step-runner.ts";
import { believeEpisode } from "../surprise/episode-belief.ts";
import { spacesOfManifest } from "../world/spaces.ts";
import { fillGraphs } from "./fill-graphs.ts";
import { LocalGraph } from "./local-graph.ts";

export interface ProbeOptions {
  readonly updates: number;
  readonly seed: number;
  readonly session?: SessionOptions;
  readonly onUpdate?: (done: number) => void;
}

const BATCH = 32;
const LEARNING_RATE = 2e-3;
const MAX_GRADIENT_NORM = 10;
/** As the decoders that are trained with their model. */
const NETWORK = { decoderUnits: 64, decoderChannels: 16 };
const SALIENCE = 20;

/**
 * Latents of stored frames, what makes each of their numbers vary around 0 by 1, and the mean images from 0 to 1 by camera: where
 * painting begins.
 *
 * Shapes: latents [F, L], mean, deviation [L]
 */
interface Latents {
  readonly latents: Float32Array;
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
  readonly meanImages: Readonly<Record<string, Float32Array>>;
}

/**
 * A `decode` graph for a bundle that has none: a small painter that learns on the bundle's own beliefs about episodes. The
 * bundle is not changed, so that the images show what its latents hold and not what they were trained to show.
 *
 * @throws ERR_INVALID_ARGUMENT for a bundle without `imagine`, or whose images are not 64 × 64
 */
export async function fitProbeDecoder(
  { manifest, onnx, folder }: Pick<Bundle, "manifest" | "onnx" | "folder">,
  store: EpisodeStore,
  { updates, seed, session = {}, onUpdate }: ProbeOptions,
): Promise<Uint8Array> {
  const { cameras } = spacesOfManifest(manifest);
  const horizon = manifest.graphs.imagine?.inputs.find(({ name }) => name === "actions")?.shape[1];
  const fits =
    cameras.length > 0 && cameras.every(({ width, height }) => width === IMAGE_SIZE && height === IMAGE_SIZE);
  if (!fits || horizon === undefined) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a bundle that imagines and sees images of ${IMAGE_SIZE}×${IMAGE_SIZE} for a probe decoder but received ${folder}.`,
    );
  }
  const known = await believe(onnx, store, manifest.latentSize, session);
  const definition = probeUpdate(cameras, known, updates);
  const start = initializeParameters(buildStep(definition).parameters, seed);
  const runner = await StepRunner.open(definition, start, new Map(), session);
  try {
    for (let update = 0; update < updates; update++) {
      fill(runner, store, known, batchRng(seed, update));
      await runner.update(update);
      onUpdate?.(update + 1);
    }
    const { weights } = await runner.read();
    const decode = (p: Parameters) =>
      p.graph.withoutGradient(() => {
        const latent = p.graph.input("latent", [horizon, manifest.latentSize]);
        const images = Object.entries(toBytes(paint(p, latent, cameras, known)));
        for (const [camera, image] of images) p.graph.output(`image_${camera}`, image);
      });
    return fillGraphs({ decode }, weights, ["decode"]).get("decode")!;
  } finally {
    await runner.close();
  }
}

async function believe(
  onnx: Bundle["onnx"],
  store: EpisodeStore,
  latentSize: number,
  session: SessionOptions,
): Promise<Latents> {
  const [encode, observe] = await Promise.all([
    LocalGraph.open(onnx.encode!, session),
    LocalGraph.open(onnx.observe!, session),
  ]);
  try {
    const latents = new Float32Array(store.frames * latentSize);
    for (const episode of store.episodes) {
      const belief = await believeEpisode(store, episode, { encode, observe }, new Rng(episode.firstFrame));
      latents.set(belief.latents, episode.firstFrame * latentSize);
    }
    const meanImages = Object.keys(store.images).map((camera) => [camera, meanImageOf(store, camera)]);
    return { latents, ...spreadOf(latents, latentSize), meanImages: Object.fromEntries(meanImages) };
  } finally {
    await Promise.all([encode.close(), observe.close()]);
  }
}

/** Numbers that hardly vary keep their scale. */
const LEAST_DEVIATION = 1e-3;

function spreadOf(rows: Float32Array, width: number): Pick<Latents, "mean" | "deviation"> {
  const count = rows.length / width;
  const mean = new Float32Array(width);
  const deviation = new Float32Array(width);
  for (let i = 0; i < rows.length; i++) mean[i % width]! += rows[i]! / count;
  for (let i = 0; i < rows.length; i++) deviation[i % width]! += (rows[i]! - mean[i % width]!) ** 2 / count;
  return { mean, deviation: deviation.map((variance) => Math.max(LEAST_DEVIATION, Math.sqrt(variance))) };
}

/** Shapes: → [Y · X · 3] */
function meanImageOf({ images, sizes, frames }: EpisodeStore, camera: string): Float32Array {
  const size = sizes.imageBytes[camera]!;
  const mean = new Float32Array(size);
  for (let i = 0; i < frames * size; i++) mean[i % size]! += images[camera]![i]! / (255 * frames);
  return mean;
}

function probeUpdate(cameras: ModelSpaces["cameras"], known: Latents, updates: number): StepDefinition {
  return {
    name: "probe",
    define(step) {
      const latent = step.field("latents", [BATCH, known.mean.length]);
      const images = Object.fromEntries(
        cameras.map(({ name, height, width }) => [
          name,
          step.field(`image_${name}`, [BATCH, height, width, 3], "uint8"),
        ]),
      );
      const loss = reconstructionLoss(paint(step.parameters, latent, cameras, known), images, SALIENCE);
      step.metric("loss", loss);
      step.minimize("probe", loss, {
        groups: { model: { learningRate: cosineDecay(LEARNING_RATE, LEARNING_RATE / 30, updates) } },
        optimizer: adam(),
        clip: globalNorm(MAX_GRADIENT_NORM),
      });
    },
  };
}

/** Shapes: latent [N, L] → [N, Y, X, 3] each, 0 is black and 1 white */
function paint(p: Parameters, latent: Sym, cameras: ModelSpaces["cameras"], known: Latents): ImageSyms {
  const { graph } = latent;
  const constant = (values: Float32Array) => graph.constant(values, [values.length]);
  const standard = div(sub(latent, constant(known.mean)), constant(known.deviation));
  return Object.fromEntries(
    cameras.map(({ name, height, width }) => {
      const meanImage = graph.constant(known.meanImages[name]!, [height, width, 3]);
      return [name, add(sub(paintImage(p.scope(name), standard, NETWORK), 0.5), meanImage)];
    }),
  );
}

function fill({ arrays }: StepRunner, store: EpisodeStore, { latents, mean }: Latents, rng: Rng): void {
  const width = mean.length;
  for (let row = 0; row < BATCH; row++) {
    const frame = rng.integer(store.frames);
    (arrays.latents as Float32Array).set(latents.subarray(frame * width, (frame + 1) * width), row * width);
    for (const [camera, bytes] of Object.entries(store.sizes.imageBytes)) {
      (arrays[`image_${camera}`] as Uint8Array).set(store.borrowImage(camera, frame), row * bytes);
    }
  }
}
