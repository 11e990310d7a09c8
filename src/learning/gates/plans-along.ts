import { Rng } from "../../core/rng.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { believeEpisode } from "../surprise/episode-belief.ts";

const SEED = 31;

/** What a model plans at one recorded observation. */
export interface PlanAlong {
  readonly frame: number;
  /** Whether an action was executed before this frame in its episode. */
  readonly isFirst: boolean;
  /** Shapes: [H, A], one step where the model has a policy instead of a planner. */
  readonly actions: Float32Array;
}

/** Plans without warm start or delay from frames spread over the episodes, with the same noise whatever the model. */
export async function plansAlong({ onnx, manifest }: Bundle, store: EpisodeStore, plans: number): Promise<PlanAlong[]> {
  const { latentSize } = manifest;
  const encode = await LocalGraph.open(onnx.encode!);
  const observe = await LocalGraph.open(onnx.observe!);
  const plan = await LocalGraph.open((onnx.plan ?? onnx.act)!);
  try {
    const made: PlanAlong[] = [];
    const every = Math.max(1, Math.floor(store.frames / plans));
    for (const episode of store.episodes) {
      const { latents } = await believeEpisode(store, episode, { encode, observe }, new Rng(SEED));
      for (let t = 0; t < episode.frames; t++) {
        const frame = episode.firstFrame + t;
        if (frame % every !== 0) continue;
        (plan.inputs.latent as Float32Array).set(latents.subarray(t * latentSize, (t + 1) * latentSize));
        new Rng(SEED + frame).fillNormal(plan.inputs.noise as Float32Array);
        const { actions, action } = await plan.run();
        made.push({ frame, isFirst: t === 0, actions: ((actions ?? action) as Float32Array).slice() });
      }
    }
    return made;
  } finally {
    await Promise.all([encode.close(), observe.close(), plan.close()]);
  }
}
