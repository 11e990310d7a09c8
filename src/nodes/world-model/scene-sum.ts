import type { SceneThresholds } from "../../learning/surprise/scene-watch.ts";
import { Cusum } from "../../math/cusum.ts";

/** The thresholds of a scene that is watched, and how surprising it is at `warn` and at twice as much. */
export interface SceneWatch extends SceneThresholds {
  readonly surpriseAtWarn: number;
  /** More than at `warn`. */
  readonly surpriseAtTwice: number;
}

/** So many times `warn` is the most that is remembered: a strange scene is over soon after it ends. */
const MOST = 4;

/** Sums up how strange a scene is, in the unit of surprise. */
export class SceneSum {
  readonly #scene: SceneWatch;
  readonly #sum: Cusum;

  constructor(scene: SceneWatch) {
    this.#scene = scene;
    this.#sum = new Cusum(scene.reference, MOST * scene.warn);
  }

  /** @param error of the image that the model makes of its belief, from 0 to 1 */
  add(error: number): void {
    this.#sum.add(error);
  }

  get surprise(): number {
    const { warn, surpriseAtWarn, surpriseAtTwice } = this.#scene;
    const level = this.#sum.level / warn;
    const above = Math.max(0, level - 1);
    return Math.min(1, level) * surpriseAtWarn + above * (surpriseAtTwice - surpriseAtWarn);
  }
}
