import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import { defineGate, type Finding } from "./gate.ts";

/** Parts of a manifest that must stay what the nodes were configured with. */
const PARTS: readonly [what: string, of: (manifest: Manifest) => unknown][] = [
  ["cameras, with crop and calibration", ({ observation }) => observation.cameras],
  ["proprioception, with its normalisation", ({ observation }) => observation.proprioception],
  ["actions, with unit and bounds", ({ action }) => action.dimensions],
  ["policy rate", ({ policyRateHz }) => policyRateHz],
];

/** The candidate senses, moves and steps as the live model does, so that it can take its place in a running loop. */
export const contract = defineGate({
  name: "contract",
  about: "same cameras, calibration, proprioception, actions and rates as the live model",
  essential: true,
  seesEpisodes: false,
  parameters: z.strictObject({}),
  async measure({ candidate, live }) {
    if (!live) return finding([], "no live model to compare with; its own contract holds");
    const breaches = PARTS.filter(([, of]) => !isDeepStrictEqual(of(candidate.manifest), of(live.manifest)));
    const differing = breaches.map(([what]) => what);
    if (horizonOf(candidate.manifest) > horizonOf(live.manifest)) differing.push("plans, which are longer");
    if (live.manifest.surpriseLimit !== null && candidate.manifest.surpriseLimit === null) {
      differing.push("surprise, which is not calibrated");
    }
    return finding(
      differing,
      differing.length === 0 ? "fits in the live model's place" : `other ${differing.join("; ")}`,
    );
  },
});

function finding(differing: readonly string[], note: string): Finding {
  return { passed: differing.length === 0, figure: differing.length, limit: 0, unit: "differences", note };
}

/** Steps of a plan: the control loop made room for the live model's. */
function horizonOf({ graphs }: Manifest): number {
  return graphs.plan?.outputs.find(({ name }) => name === "actions")?.shape[0] ?? 1;
}
