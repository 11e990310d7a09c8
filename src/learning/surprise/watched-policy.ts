import type { BundlePolicy } from "../bundle/bundle-policy.ts";
import type { LocalGraph } from "../bundle/local-graph.ts";
import type { Policy, PolicyInput } from "../policy.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import { FrozenImages } from "./frozen-images.ts";
import { sceneError } from "./scene-watch.ts";

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
    const { surprise, borrowLatent } = this.#policy;
    const error = this.#decode ? await sceneError(this.#decode, borrowLatent, input.images) : Number.NaN;
    this.#signs.push({ isFirst: input.isFirst, surprise, sceneError: error, frozen });
  }

  /** The steps since the last call. */
  take(): readonly StepSigns[] {
    const signs = this.#signs;
    this.#signs = [];
    return signs;
  }
}
