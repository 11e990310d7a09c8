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
    const { inputs } = this.#imagine;
    floats(inputs, "latent").set(latent);
    const planned = floats(inputs, "actions").fill(0); // of N candidates the first one
    planned.set(actions.subarray(0, planned.length));
    await this.#imagine.run();
    const imagined = floats(this.#imagine.outputs, "latents");
    const into = floats(this.#decode.inputs, "latent");
    const { cameras } = this.#bundle.manifest.observation;
    const { width, height } = cameras[0]!;
    const frames = Math.min(
      steps,
      Math.floor(imagined.length / latent.length),
      Math.floor(into.length / latent.length),
    );
    into.fill(0);
    into.set(imagined.subarray(0, frames * latent.length));
    await this.#decode.run();
    const rows = cameras
      .filter((camera) => camera.width === width && camera.height === height)
      .map(({ name }) => this.#decode.outputs[`image_${name}`] as Uint8Array);
    return filmStrip(rows, frames, width, height);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
