import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { verifyBundle } from "../../inference/verify-bundle.ts";
import { atMost, defineGate, failure } from "./gate.ts";

/** Real runs in an inference thread of this machine: outputs are finite and within bounds, and a policy step fits its period. */
export const latency = defineGate({
  name: "latency",
  about: "encode, observe and plan at p99 fit into the policy period on this machine",
  essential: false,
  seesEpisodes: false,
  parameters: z.strictObject({
    maxPeriodShare: z.number().positive().default(0.8).describe("Share of the policy period that a step may take."),
  }),
  async measure({ candidate, inference, clock }, { maxPeriodShare }) {
    try {
      const { periodShare, graphs } = await verifyBundle(candidate.folder, inference, clock);
      const times = graphs.map(({ graph, p99Ms }) => `${graph} ${p99Ms.toFixed(2)} ms`).join(", ");
      return atMost(periodShare, maxPeriodShare, "policy periods", `p99: ${times}`);
    } catch (thrown) {
      if (thrown instanceof LatentloopError) return failure(thrown.message);
      throw thrown;
    }
  },
});
