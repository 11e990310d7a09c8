import { z } from "zod";
import { countWeights } from "../../inference/weight-census.ts";
import { atMost, defineGate } from "./gate.ts";

/** No weight is NaN or infinite. */
export const finiteWeights = defineGate({
  name: "finite-weights",
  about: "every weight in every graph is a finite number",
  essential: true,
  parameters: z.strictObject({}),
  async measure({ candidate }) {
    let values = 0;
    let notFinite = 0;
    let where = "";
    for (const [graph, bytes] of Object.entries(candidate.onnx)) {
      const census = countWeights(bytes);
      values += census.values;
      notFinite += census.notFinite;
      if (census.where !== undefined && where === "") where = `, the first in ${census.where} of ${graph}`;
    }
    return atMost(notFinite, 0, "weights", `of ${values}${where}`);
  },
});
