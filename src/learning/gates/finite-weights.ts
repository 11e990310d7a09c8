import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import { countWeights, type WeightCensus } from "../../inference/weight-census.ts";
import { atMost, defineGate } from "./gate.ts";

/** No weight is NaN or infinite. */
export const finiteWeights = defineGate({
  name: "finite-weights",
  about: "every weight in every graph is a finite number",
  essential: true,
  seesEpisodes: false,
  parameters: z.strictObject({}),
  async measure({ candidate }) {
    let values = 0;
    let notFinite = 0;
    let where = "";
    for (const [graph, bytes] of Object.entries(candidate.onnx)) {
      const census = censusOf(graph, bytes);
      values += census.values;
      notFinite += census.notFinite;
      if (census.where !== undefined && where === "") where = `, the first in ${census.where} of ${graph}`;
    }
    return atMost(notFinite, 0, "weights", `of ${values}${where}`);
  },
});

/** @throws ERR_GRAPH_UNREADABLE if the bytes are no ONNX file, or a tensor has too few of them */
function censusOf(graph: string, bytes: Uint8Array): WeightCensus {
  try {
    return countWeights(bytes);
  } catch (cause) {
    throw new LatentloopError("ERR_GRAPH_UNREADABLE", `Expected ${graph} to be an ONNX file: ${messageOf(cause)}.`, {
      remedy: "Export the model again.",
      cause,
    });
  }
}
