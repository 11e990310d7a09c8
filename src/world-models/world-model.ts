import type { z } from "zod";
import type { Parameters, Sym } from "../graph/index.ts";
import type { PlannableModel } from "../planners/index.ts";

/** What a model senses and moves: fixed by the task that it is trained for. */
export interface ModelSpaces {
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly proprioceptionSize: number;
  readonly actionSize: number;
}

/** Images by camera name. Shapes: each [B, Y, X, 3] uint8 */
export type ImageSyms = Readonly<Record<string, Sym>>;

export interface Observed {
  /** The posterior. Shapes: [B, L] */
  readonly latent: Sym;
  /** How far the observation lies from what the model expected, in the model's own unit. Shapes: [B] */
  readonly surprise: Sym;
}

/**
 * One world model's networks as the bundle contract (docs/models.md) uses them: symbolic functions over one graph.
 *
 * `next` without noise is the most likely next latent, also in a stochastic model.
 */
export interface LatentModel extends PlannableModel {
  readonly embeddingSize: number;
  /** Shapes: proprioception [B, P], undefined where there is none → [B, E] */
  encode(images: ImageSyms, proprioception: Sym | undefined): Sym;
  /** What is believed after an observation, were the latent not forgotten. Shapes: latent [B, L], action [B, A], embedding [B, E] */
  observe(latent: Sym, action: Sym, embedding: Sym): Observed;
  /** What is believed after the first observation. Shapes: embedding [B, E] → [B, L] */
  begin(embedding: Sym): Sym;
  /** There when the registry's entry says `decodes`. Shapes: latent [B, L] → images [B, Y, X, 3] uint8 */
  decode?(latent: Sym): ImageSyms;
}

/** One entry of the registry: hyper-parameters, and the networks they describe. */
export interface WorldModel<Config = unknown> {
  readonly title: string;
  /** Whether its latents can be shown as images. */
  readonly decodes: boolean;
  readonly config: z.ZodType<Config>;
  readonly defaults: Config;
  /** @throws ERR_INVALID_ARGUMENT if the model cannot serve these cameras */
  build(parameters: Parameters, spaces: ModelSpaces, config: Config): LatentModel;
}
