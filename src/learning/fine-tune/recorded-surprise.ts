import { Rng } from "../../core/rng.ts";
import { conformalThreshold } from "../../math/conformal.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { SessionOptions } from "../optimization/session.ts";
import { FALSE_ALARM_RATE, STOP_MARGIN, type SurpriseThresholds } from "../run/training-scores.ts";

const SEED = 57;

/**
 * Surprise thresholds of a model by recorded episodes, taken as one long stretch of work: the goal jumps where one ends and the
 * next begins. The robot slows down at the usual false-alarm rate over the other steps, and stops beyond twice of anything.
 *
 * @param onnx the model's graphs by name
 */
export async function recordedSurprise(
  onnx: ReadonlyMap<string, Uint8Array>,
  stores: readonly EpisodeStore[],
  session: SessionOptions = {},
): Promise<SurpriseThresholds> {
  const encode = await LocalGraph.open(onnx.get("encode")!, session);
  const observe = await LocalGraph.open(onnx.get("observe")!, session);
  const { latent, action, embedding, is_first: isFirst, noise } = observe.inputs as Record<string, Float32Array>;
  const rng = new Rng(SEED);
  const steps: number[] = [];
  let most = 0;
  try {
    isFirst![0] = 1;
    for (const store of stores) {
      for (const { firstFrame, frames } of store.episodes) {
        for (let t = 0; t < frames; t++) {
          const frame = firstFrame + t;
          for (const camera of Object.keys(store.images)) {
            (encode.inputs[`image_${camera}`] as Uint8Array).set(store.borrowImage(camera, frame));
          }
          (encode.inputs.proprioception as Float32Array | undefined)?.set(store.borrowProprioception(frame));
          embedding!.set((await encode.run()).embedding as Float32Array);
          if (t > 0) action!.set(store.borrowAction(frame - 1));
          if (noise) rng.fillNormal(noise);
          const { latent_out, surprise } = await observe.run();
          latent!.set(latent_out as Float32Array);
          isFirst![0] = 0;
          most = Math.max(most, Number(surprise![0]));
          if (t > 0) steps.push(Number(surprise![0]));
        }
      }
    }
    return { warn: conformalThreshold(steps, FALSE_ALARM_RATE).threshold, limit: STOP_MARGIN * most };
  } finally {
    await Promise.all([encode.close(), observe.close()]);
  }
}
