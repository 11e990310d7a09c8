import { z } from "zod";
import { Rng } from "../../core/rng.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { Samples } from "../../math/samples.ts";
import { believeEpisode } from "../episode-belief.ts";
import type { EpisodeStore } from "../episode-store.ts";
import { LocalGraph } from "../local-graph.ts";
import { atMost, defineGate, nothingToMeasure } from "./gate.ts";

const SEED = 31;

/** On recorded observations the candidate asks for much the same actions as the live model. */
export const actionChange = defineGate({
  name: "action-change",
  about: "first actions of plans on recorded observations stay near the live model's",
  essential: false,
  parameters: z.strictObject({
    maxMeanChange: z
      .number()
      .positive()
      .default(0.5)
      .describe("Mean change of a normalised action, which lies in [-1, 1]."),
    plans: z.int().positive().default(96).describe("Observations to plan from."),
  }),
  async measure({ candidate, live, heldOut }, { maxMeanChange, plans }) {
    if (!live) return nothingToMeasure("normalised action", "no live model to compare with");
    const store = await heldOut();
    const own = await firstActions(candidate, store, plans);
    const others = await firstActions(live, store, plans);
    const changes = new Samples();
    for (let i = 0; i < own.length; i++) changes.add(Math.abs(own[i]! - others[i]!));
    const note = `p95 ${changes.percentile(0.95).toFixed(3)}, largest ${changes.max.toFixed(3)}`;
    return atMost(changes.mean, maxMeanChange, "normalised action", note);
  },
});

/** Plans without warm start or delay from frames spread over the episodes, with the same noise whatever the model. */
async function firstActions({ onnx, manifest }: Bundle, store: EpisodeStore, plans: number): Promise<Float32Array> {
  const { latentSize } = manifest;
  const actionSize = manifest.action.dimensions.length;
  const encode = await LocalGraph.open(onnx.encode!);
  const observe = await LocalGraph.open(onnx.observe!);
  const plan = await LocalGraph.open((onnx.plan ?? onnx.act)!);
  try {
    const actions: number[] = [];
    const every = Math.max(1, Math.floor(store.frames / plans));
    for (const episode of store.episodes) {
      const { latents } = await believeEpisode(store, episode, { encode, observe }, new Rng(SEED));
      for (let t = 0; t < episode.frames; t++) {
        const frame = episode.firstFrame + t;
        if (frame % every !== 0) continue;
        (plan.inputs.latent as Float32Array).set(latents.subarray(t * latentSize, (t + 1) * latentSize));
        new Rng(SEED + frame).fillNormal(plan.inputs.noise as Float32Array);
        const { actions: planned, action } = await plan.run();
        actions.push(...((planned ?? action) as Float32Array).subarray(0, actionSize));
      }
    }
    return Float32Array.from(actions);
  } finally {
    await Promise.all([encode.close(), observe.close(), plan.close()]);
  }
}
