import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type PlanetRecipe, planetRecipe } from "../../../src/learning/planet/recipe.ts";
import { planetUpdate } from "../../../src/learning/planet/update.ts";
import type { PlanetConfig } from "../../../src/world-models/planet.ts";
import type { ModelSpaces } from "../../../src/world-models/world-model.ts";
import { BATCH, LENGTH, metricsClose, runUpdates } from "./sequence-golden.ts";

interface Golden {
  readonly updates: readonly Readonly<Record<string, number>>[];
}

// The compiled test lies in dist/test/golden/learning; the golden file beside its script and source.
const file = new URL("../../../../test/golden/learning/planet.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, Golden>> & { tolerance: number };

const network: PlanetConfig = {
  rssm: {
    deter: 8,
    hidden: 6,
    latent: { kind: "gaussian", size: 3, minDeviation: 0.1 },
    core: { kind: "gru" },
    priorLayers: 1,
    posteriorLayers: 1,
    style: "plain",
  },
  observation: { images: "keypoints", channels: 1, keypoints: 3, embedding: 6, layers: 1, units: 7, squash: false },
  units: 7,
  headLayers: 1,
};
const recipe: PlanetRecipe = {
  ...planetRecipe("any task", "published"),
  network,
  sequence: { length: LENGTH, batch: BATCH, ahead: 0 },
  freeNats: 0.05,
};

const camera = { name: "scene", width: 64, height: 64 };
const flat: PlanetConfig = { ...network, observation: { ...network.observation, images: "convolutions" } };
const cases: Readonly<Record<string, { spaces: ModelSpaces; recipe: PlanetRecipe }>> = {
  state: {
    spaces: { cameras: [], proprioceptionSize: 5, actionSize: 2 },
    recipe: { ...recipe, overshooting: 1 },
  },
  pixels: {
    spaces: { cameras: [camera], proprioceptionSize: 0, actionSize: 2 },
    recipe: { ...recipe, network: flat, overshooting: 3 },
  },
  both: {
    spaces: { cameras: [camera], proprioceptionSize: 5, actionSize: 2 },
    recipe: { ...recipe, overshooting: 4, posteriorPull: 0.3 },
  },
  ahead: {
    spaces: { cameras: [camera], proprioceptionSize: 5, actionSize: 2 },
    recipe: {
      ...recipe,
      network: {
        ...network,
        rssm: {
          ...network.rssm,
          latent: { kind: "gaussian", size: 3, minDeviation: 0.1, residualPrior: true },
          known: { deviation: 0.4 },
        },
      },
      sequence: { length: 2, batch: BATCH, ahead: LENGTH - 2 },
      overshooting: 3,
      posteriorPull: 0.3,
      painted: 1,
      expectFirst: false,
      frameScale: 0.5,
      aheadScale: 0.7,
      proprioceptionScale: 3,
    },
  },
};

for (const [name, { spaces, recipe: options }] of Object.entries(cases)) {
  test(`${name}: two updates in a row have the losses and gradient norms of the equations`, async () => {
    const expected = golden[name]!.updates;
    const found = await runUpdates(planetUpdate(spaces, options), expected.length);
    for (const [i, metrics] of expected.entries()) metricsClose(found[i]!, metrics, golden.tolerance, `update ${i}`);
  });
}

test("overshooting beyond the sequence adds nothing", async () => {
  const { spaces } = cases.state!;
  const divergence = async (overshooting: number) => {
    const [update] = await runUpdates(planetUpdate(spaces, { ...recipe, overshooting }), 1);
    return update!.divergence;
  };
  assert.equal(await divergence(LENGTH + 5), await divergence(LENGTH));
});
