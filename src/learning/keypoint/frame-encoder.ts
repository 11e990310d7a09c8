import { Graph, InputParameters, Parameters } from "../../graph/index.ts";
import { buildKeypointModel, type KeypointConfig } from "../../world-models/keypoint.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Weights } from "../optimization/step-runner.ts";

const BATCH = 64;

/** What the model makes of stored frames. Shapes: latents [F, L], rewards [F], in the order that the frames were named */
export interface EncodedFrames {
  readonly latents: Float32Array;
  readonly rewards: Float32Array;
}

/** Encodes stored frames in batches, with whatever weights it is given. */
export class FrameEncoder {
  readonly latentSize: number;
  readonly #graph: LocalGraph;
  readonly #weightNames: readonly string[];

  private constructor(graph: LocalGraph, weightNames: readonly string[], latentSize: number) {
    this.#graph = graph;
    this.#weightNames = weightNames;
    this.latentSize = latentSize;
  }

  static async open(spaces: ModelSpaces, config: KeypointConfig, session: SessionOptions = {}): Promise<FrameEncoder> {
    const graph = new Graph("encode_frames");
    const source = new InputParameters(graph);
    const model = buildKeypointModel(new Parameters(source), spaces, config);
    graph.withoutGradient(() => {
      const images = Object.fromEntries(
        spaces.cameras.map(({ name, height, width }) => [
          name,
          graph.input(`image_${name}`, [BATCH, height, width, 3], "uint8"),
        ]),
      );
      const latent = model.encode(images, graph.input("proprioception", [BATCH, spaces.proprioceptionSize]));
      graph.output("latents", latent);
      graph.output("rewards", model.rewardOf(latent));
    });
    return new FrameEncoder(await LocalGraph.open(graph.toOnnx(), session), [...source.specs.keys()], model.latentSize);
  }

  /** Encodes the named frames, by default all. */
  async encode(weights: Weights, store: EpisodeStore, frames?: ArrayLike<number>): Promise<EncodedFrames> {
    const { inputs } = this.#graph;
    for (const name of this.#weightNames) (inputs[name] as Float32Array).set(weights.get(name)!);
    const count = frames?.length ?? store.frames;
    const latents = new Float32Array(count * this.latentSize);
    const rewards = new Float32Array(count);
    for (let first = 0; first < count; first += BATCH) {
      const filled = Math.min(BATCH, count - first);
      for (let row = 0; row < filled; row++) {
        copyFrame(store, frames?.[first + row] ?? first + row, inputs as Readonly<Record<string, Uint8Array>>, row);
      }
      const outputs = await this.#graph.run();
      const found = outputs.latents as Float32Array;
      latents.set(found.subarray(0, filled * this.latentSize), first * this.latentSize);
      rewards.set((outputs.rewards as Float32Array).subarray(0, filled), first);
    }
    return { latents, rewards };
  }

  close(): Promise<void> {
    return this.#graph.close();
  }
}

/** Writes a stored frame's images and proprioception into one row of a batch. */
export function copyFrame(
  store: EpisodeStore,
  frame: number,
  arrays: Readonly<Record<string, Uint8Array | Float32Array>>,
  row: number,
): void {
  copyImages(store, frame, arrays, row);
  arrays.proprioception!.set(store.borrowProprioception(frame), row * store.sizes.proprioceptionSize);
}

export function copyImages(
  store: EpisodeStore,
  frame: number,
  arrays: Readonly<Record<string, Uint8Array | Float32Array>>,
  row: number,
): void {
  for (const [camera, bytes] of Object.entries(store.sizes.imageBytes)) {
    arrays[`image_${camera}`]!.set(store.borrowImage(camera, frame), row * bytes);
  }
}
