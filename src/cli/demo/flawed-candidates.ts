import { add, concat, expand, greater, mul, type Sym, slice, where } from "../../graph/index.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { type ExportedBundle, exportBundle } from "../../learning/bundle/export-bundle.ts";
import { readKeypointBundle } from "../../learning/keypoint/from-bundle.ts";
import { keypointGraphs } from "../../learning/keypoint/graphs.ts";
import { type KeypointConfig, keypoint } from "../../world-models/keypoint.ts";
import type { WorldModel } from "../../world-models/world-model.ts";

/** What a step adds to the memory that wears out: small beside the latent's other numbers. */
const WEAR = 1 / 1024;

/** A candidate that wants the opposite of what is asked: its reward has the wrong sign. */
export function exportWrongCandidate(live: Bundle, folder: string): Promise<ExportedBundle> {
  const { recipe, spaces, weights } = readKeypointBundle(live);
  const negated = new Map(
    [...weights].map(([name, values]) => [
      name,
      name.startsWith("reward/out/") ? values.map((value) => -value) : values,
    ]),
  );
  return exportBundle(folder, {
    graphs: keypointGraphs(spaces, recipe),
    parameters: negated,
    manifest: manifestOf(live, live.manifest.latentSize, "the live model with the sign of its reward turned round"),
  });
}

/**
 * A candidate that is as good as the live model until it has worked without a break for so many steps: then its memory is worn
 * out and it wants the opposite. No gate looks at episodes that long.
 */
export function exportDecayingCandidate(live: Bundle, folder: string, afterSteps: number): Promise<ExportedBundle> {
  const { recipe, spaces, weights } = readKeypointBundle(live);
  return exportBundle(folder, {
    graphs: keypointGraphs(spaces, recipe, decaying(afterSteps)),
    parameters: weights,
    manifest: manifestOf(
      live,
      live.manifest.latentSize + 1,
      `the live model with a memory that lasts ${afterSteps} steps`,
    ),
  });
}

/** The keypoint model with one more number in its latent, which counts the steps since it began. */
function decaying(afterSteps: number): WorldModel<KeypointConfig> {
  return {
    ...keypoint,
    build(parameters, spaces, config) {
      const model = keypoint.build(parameters, spaces, config);
      const { latentSize } = model;
      const known = (latent: Sym) => slice(latent, 1, 0, latentSize);
      const wear = (latent: Sym) => slice(latent, 1, latentSize);
      const worn = (latent: Sym) => add(wear(latent), WEAR);
      return {
        ...model,
        latentSize: latentSize + 1,
        begin: (embedding) =>
          concat([model.begin(embedding), expand(embedding.graph.scalar(0), [embedding.shape[0]!, 1])]),
        observe(latent, action, embedding) {
          const observed = model.observe(known(latent), action, embedding);
          return { ...observed, latent: concat([observed.latent, worn(latent)]) };
        },
        next: (latent, action, noise) => concat([model.next(known(latent), action, noise), worn(latent)]),
        reward(latent, action, reached) {
          const reward = model.reward(known(latent), action, known(reached));
          return where(greater(wear(reached), afterSteps * WEAR), mul(reward, -1), reward);
        },
        decode: (latent) => model.decode!(known(latent)),
      };
    },
  };
}

function manifestOf({ manifest, modelHash }: Bundle, latentSize: number, how: string) {
  const { formatVersion: _, graphs: __, ...kept } = manifest;
  return {
    ...kept,
    latentSize,
    evaluation: [],
    training: { ...manifest.training, command: how, parent: { name: manifest.name, hash: modelHash } },
  };
}
