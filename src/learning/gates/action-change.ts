import { z } from "zod";
import type { Bundle } from "../../inference/read-bundle.ts";
import { Samples } from "../../math/samples.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { atMost, defineGate, nothingToMeasure } from "./gate.ts";
import { plansAlong } from "./plans-along.ts";

/** On recorded observations the candidate asks for much the same actions as the live model. */
export const actionChange = defineGate({
  name: "action-change",
  about: "first actions of plans on recorded observations stay near the live model's",
  essential: false,
  seesEpisodes: true,
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

async function firstActions(bundle: Bundle, store: EpisodeStore, plans: number): Promise<Float32Array> {
  const { length } = bundle.manifest.action.dimensions;
  const made = await plansAlong(bundle, store, plans);
  return Float32Array.from(made.flatMap(({ actions }) => [...actions.subarray(0, length)]));
}
