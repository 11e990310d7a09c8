import { Rng } from "../../core/rng.ts";
import { conformalThreshold } from "../../math/conformal.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { SessionOptions } from "../optimization/session.ts";
import { FALSE_ALARM_RATE, STOP_MARGIN, type SurpriseThresholds } from "../run/training-scores.ts";
import { calibrateKnownScene, sceneError } from "../surprise/scene-watch.ts";

const SEED = 57;

/** What a model has learned from, and what was kept to judge it by. */
export interface RecordedStores {
  readonly trained: EpisodeStore;
  readonly heldOut?: EpisodeStore | undefined;
}

/**
 * Surprise thresholds of a model by recorded episodes, taken as one long stretch of work: the goal jumps where one ends and the
 * next begins. The robot slows down at the usual false-alarm rate over the other steps, and stops beyond twice of anything. Of a
 * model that paints, also when the scene counts as another one.
 *
 * Steps that the model has learned from surprise it less than fresh ones: by themselves those held out may ask for a higher
 * threshold than all together, and the higher one holds.
 * @param onnx the model's graphs by name
 */
export async function recordedThresholds(
  onnx: ReadonlyMap<string, Uint8Array>,
  { trained, heldOut }: RecordedStores,
  session: SessionOptions = {},
): Promise<SurpriseThresholds> {
  const encode = await LocalGraph.open(onnx.get("encode")!, session);
  const observe = await LocalGraph.open(onnx.get("observe")!, session);
  const decode = onnx.has("decode") ? await LocalGraph.open(onnx.get("decode")!, session) : undefined;
  const { latent, action, embedding, is_first: isFirst, noise } = observe.inputs as Record<string, Float32Array>;
  const rng = new Rng(SEED);
  const [steps, fresh]: [number[], number[]] = [[], []];
  const sceneErrors: number[][] = [];
  let most = 0;
  try {
    isFirst![0] = 1;
    for (const store of heldOut ? [trained, heldOut] : [trained]) {
      const cameras = Object.keys(store.images);
      for (const { firstFrame, frames } of store.episodes) {
        const errors: number[] = [];
        for (let t = 0; t < frames; t++) {
          const frame = firstFrame + t;
          const images = Object.fromEntries(cameras.map((camera) => [camera, store.borrowImage(camera, frame)]));
          for (const camera of cameras) (encode.inputs[`image_${camera}`] as Uint8Array).set(images[camera]!);
          (encode.inputs.proprioception as Float32Array | undefined)?.set(store.borrowProprioception(frame));
          embedding!.set((await encode.run()).embedding as Float32Array);
          if (t > 0) action!.set(store.borrowAction(frame - 1));
          if (noise) rng.fillNormal(noise);
          const { latent_out, surprise } = await observe.run();
          latent!.set(latent_out as Float32Array);
          isFirst![0] = 0;
          most = Math.max(most, Number(surprise![0]));
          if (t > 0) steps.push(Number(surprise![0]));
          if (t > 0 && store === heldOut) fresh.push(Number(surprise![0]));
          errors.push(decode ? await sceneError(decode, latent!, images) : Number.NaN);
        }
        sceneErrors.push(errors);
      }
    }
    const known = [steps, fresh].filter(({ length }) => length > 0);
    const warn = Math.max(...known.map((scores) => conformalThreshold(scores, FALSE_ALARM_RATE).threshold));
    return { warn, limit: STOP_MARGIN * most, scene: calibrateKnownScene(sceneErrors, FALSE_ALARM_RATE) };
  } finally {
    await Promise.all([encode.close(), observe.close(), decode?.close()]);
  }
}
