import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { GraphHandle } from "../../inference/graph-handle.ts";
import { InferenceEngine, type LoadedBundle } from "../../inference/inference-engine.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import { floats } from "../world-model/graph-port.ts";
import { filmStrip, type Strip } from "./film-strip.ts";

/** Far behind everything that the robot moves by. */
const NICENESS = 15;

/** A copy of a bundle that only imagines: in an engine, and so in a thread, of its own, behind all others. */
export class Dreamer {
  readonly modelHash: string;
  readonly #engine: InferenceEngine;
  readonly #bundle: LoadedBundle;
  readonly #imagine: GraphHandle;
  readonly #decode: GraphHandle;

  private constructor(engine: InferenceEngine, bundle: LoadedBundle, imagine: GraphHandle, decode: GraphHandle) {
    this.modelHash = bundle.modelHash;
    this.#engine = engine;
    this.#bundle = bundle;
    this.#imagine = imagine;
    this.#decode = decode;
  }

  /**
   * @param like the same bundle as it acts: its graphs run here where they run there
   * @throws ERR_INVALID_ARGUMENT for a bundle that does not imagine and decode, and those of `InferenceEngine.load`
   */
  static async open(
    folder: string,
    like: LoadedBundle,
    inference: InferenceParameters,
    clock: Clock,
  ): Promise<Dreamer> {
    const engine = await InferenceEngine.start({ clock, ...inference, niceness: NICENESS });
    try {
      const placements = Object.fromEntries(like.reports.map(({ graph, placement }) => [graph, placement]));
      const bundle = await engine.load(folder, { placements });
      const { imagine, decode } = bundle.graphs;
      if (imagine && decode) return new Dreamer(engine, bundle, imagine, decode);
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a model that imagines and decodes but received ${folder}.`,
      );
    } catch (thrown) {
      await engine.close();
      throw thrown;
    }
  }

  /** What the model thinks its cameras would see, step by step. Shapes: latent [L], actions [H, A] */
  async dream(latent: Float32Array, actions: Float32Array, steps: number): Promise<Strip> {
    const { cameras } = this.#bundle.manifest.observation;
    const { width, height } = cameras[0]!;
    const alike = cameras.filter((camera) => camera.width === width && camera.height === height);
    const latents = await this.#rollOut(latent, actions, steps);
    const frames = latents.length / latent.length;
    const rows = alike.map(() => new Uint8Array(frames * width * height * 3));
    const into = floats(this.#decode.inputs, "latent");
    for (let from = 0; from < latents.length; from += into.length) {
      const part = latents.subarray(from, from + into.length);
      into.fill(0).set(part);
      await this.#decode.run();
      const frameBytes = width * height * 3;
      const first = (from / latent.length) * frameBytes;
      alike.forEach(({ name }, row) => {
        const images = this.#decode.outputs[`image_${name}`] as Uint8Array;
        rows[row]!.set(images.subarray(0, (part.length / latent.length) * frameBytes), first);
      });
    }
    return filmStrip(rows, frames, width, height);
  }

  /** The graph imagines N candidates over its own horizon: the plan is the first of them. */
  async #rollOut(latent: Float32Array, actions: Float32Array, steps: number): Promise<Float32Array> {
    const { imagine } = this.#bundle.manifest.graphs;
    const horizon = imagine!.inputs.find(({ name }) => name === "actions")!.shape[1]!;
    const count = Math.min(steps, horizon);
    floats(this.#imagine.inputs, "latent").set(latent);
    const planned = actions.subarray(0, (count * actions.length) / steps);
    floats(this.#imagine.inputs, "actions").fill(0).set(planned);
    await this.#imagine.run();
    return floats(this.#imagine.outputs, "latents").slice(0, count * latent.length);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
