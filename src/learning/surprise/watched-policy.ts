import type { BundlePolicy } from "../bundle/bundle-policy.ts";
import type { LocalGraph } from "../bundle/local-graph.ts";
import type { Policy, PolicyInput } from "../policy.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import { FrozenImages } from "./frozen-images.ts";
import { reconstructionError } from "./scene-watch.ts";

/** What may tell, at one policy step, that something is wrong. */
export interface StepSigns {
  readonly isFirst: boolean;
  readonly surprise: number;
  /** How far the images are from what the model makes of its belief; NaN where it cannot paint. */
  readonly sceneError: number;
  readonly frozen: boolean;
}

/** A bundle's policy, with every sign of a fault written down at every step: by the rules that the world-model node has. */
export class WatchedPolicy implements Policy {
  readonly #policy: BundlePolicy;
  readonly #decode: LocalGraph | undefined;
  readonly #frozen: FrozenImages;
  #signs: StepSigns[] = [];

  /** @param frozenMotion as the parameter of the world-model node */
  constructor(policy: BundlePolicy, decode: LocalGraph | undefined, world: TrainingWorld, frozenMotion: number) {
    this.#policy = policy;
    this.#decode = decode;
    this.#frozen = new FrozenImages(world.proprioceptionFeatures, frozenMotion);
  }

  async act(input: PolicyInput, out: Float32Array): Promise<void> {
    await this.#policy.act(input, out);
    const frozen = this.#frozen.check(input.images, input.proprioception) !== undefined;
    const sceneError = await this.#sceneError(input.images);
    this.#signs.push({ isFirst: input.isFirst, surprise: this.#policy.surprise, sceneError, frozen });
  }

  /** The steps since the last call. */
  take(): readonly StepSigns[] {
    const signs = this.#signs;
    this.#signs = [];
    return signs;
  }

  async #sceneError(images: PolicyInput["images"]): Promise<number> {
    if (!this.#decode) return Number.NaN;
    const latent = this.#decode.inputs.latent as Float32Array;
    latent.fill(0).set(this.#policy.borrowLatent);
    const painted = await this.#decode.run();
    const errors = Object.entries(images).map(([camera, seen]) =>
      reconstructionError(seen, painted[`image_${camera}`] as Uint8Array),
    );
    return Math.max(...errors);
  }
}
