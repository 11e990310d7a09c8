import { conformalThreshold } from "../../math/conformal.ts";
import { Cusum } from "../../math/cusum.ts";
import type { LocalGraph } from "../bundle/local-graph.ts";

/** Above which level of its accumulated error a scene counts as another one than the model was trained in. */
export interface SceneThresholds {
  /** Error that does not count: what exceeds it is summed up. */
  readonly reference: number;
  readonly warn: number;
}

/**
 * How far an image is from what the model makes of its own belief in it: it has never seen such a scene if they stay apart.
 *
 * Shapes: seen [Y, X, 3]; imagined [B, Y, X, 3], of which the first is compared. Returns the root mean square, 0 to 1.
 */
export function reconstructionError(seen: Uint8Array, imagined: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < seen.length; i++) {
    const difference = seen[i]! - imagined[i]!;
    sum += difference * difference;
  }
  return Math.sqrt(sum / seen.length) / 255;
}

/** Of what a model paints of its belief: the camera that is worst counts. Shapes: latent [L], images each [Y, X, 3] */
export async function sceneError(
  decode: LocalGraph,
  latent: Float32Array,
  images: Readonly<Record<string, Uint8Array>>,
): Promise<number> {
  (decode.inputs.latent as Float32Array).fill(0).set(latent);
  const painted = await decode.run();
  const errors = Object.entries(images).map(([camera, seen]) =>
    reconstructionError(seen, painted[`image_${camera}`] as Uint8Array),
  );
  return Math.max(...errors);
}

/** Episodes differ in how well they can be painted: by so many standard deviations of their means, no more than that is strange. */
const USUAL_DEVIATIONS = 3;

/**
 * Thresholds from undisturbed episodes: the first half of them says what is usual, the other half how far sums rise by chance.
 *
 * @param episodes errors of each step @param falseAlarmRate of the steps, as in `conformalThreshold`
 */
export function calibrateScene(episodes: readonly (readonly number[])[], falseAlarmRate: number): SceneThresholds {
  const half = Math.ceil(episodes.length / 2);
  const means = episodes.slice(0, half).map(meanOf);
  const mean = meanOf(means);
  const deviation = Math.sqrt(meanOf(means.map((own) => (own - mean) ** 2)));
  const reference = mean + USUAL_DEVIATIONS * deviation;
  const levels = episodes.slice(half).flatMap((errors) => {
    const sum = new Cusum(reference);
    return errors.map((error) => sum.add(error));
  });
  // Sums that never rise say nothing about how far they may: then one usual deviation does.
  return { reference, warn: Math.max(conformalThreshold(levels, falseAlarmRate).threshold, deviation) };
}

/** Fewer episodes say nothing about how episodes differ. */
const FEWEST_EPISODES = 4;

/** The same, or undefined where nothing is painted (errors are NaN) or too little was played. */
export function calibrateKnownScene(
  episodes: readonly (readonly number[])[],
  falseAlarmRate: number,
): SceneThresholds | undefined {
  const known = episodes.length >= FEWEST_EPISODES && !episodes.flat().some(Number.isNaN);
  return known ? calibrateScene(episodes, falseAlarmRate) : undefined;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
