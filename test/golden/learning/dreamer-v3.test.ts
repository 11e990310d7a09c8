import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type DreamerV3Recipe, dreamerV3Recipe } from "../../../src/learning/dreamer-v3/recipe.ts";
import { dreamerV3Update } from "../../../src/learning/dreamer-v3/update.ts";
import type { DreamerConfig } from "../../../src/world-models/dreamer.ts";
import type { ModelSpaces } from "../../../src/world-models/world-model.ts";
import { BATCH, LENGTH, metricsClose, runUpdates } from "./sequence-golden.ts";

interface Golden {
  readonly updates: readonly Readonly<Record<string, number>>[];
}

// The compiled test lies in dist/test/golden/learning; the golden file beside its script and source.
const file = new URL("../../../../test/golden/learning/dreamer-v3.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, Golden>> & { tolerance: number };

const network: DreamerConfig = {
  rssm: {
    deter: 8,
    hidden: 6,
    latent: { kind: "categorical", groups: 3, classes: 4, unimix: 0.01 },
    core: { kind: "gru" },
    priorLayers: 2,
    posteriorLayers: 1,
    style: "normalized",
  },
  observation: { images: "keypoints", channels: 1, keypoints: 3, embedding: 6, layers: 1, units: 7, squash: true },
  units: 7,
  headLayers: 1,
  actorLayers: 2,
  criticLayers: 2,
  rewardHead: "two-hot",
  bins: 15,
  binLimit: 5,
  minStd: 0.1,
  maxStd: 1,
};
const recipe: DreamerV3Recipe = {
  ...dreamerV3Recipe("any task", 500, "size1m"),
  network,
  sequence: { length: LENGTH, batch: BATCH, ahead: 0 },
  imagination: { horizon: 3, starts: 3 },
  freeNats: 0.02,
  entropyScale: 3e-2,
  returnRate: 0.1,
  slowRate: 0.2,
  learningRate: 1e-3,
  warmUp: 1,
};

const camera = { name: "scene", width: 64, height: 64 };
const blocks: DreamerConfig = { ...network, rssm: { ...network.rssm, core: { kind: "block-gru", blocks: 2 } } };
const flat: DreamerConfig = { ...network, observation: { ...network.observation, images: "convolutions" } };
const cases: Readonly<Record<string, { spaces: ModelSpaces; recipe: DreamerV3Recipe }>> = {
  state: {
    spaces: { cameras: [], proprioceptionSize: 5, actionSize: 2 },
    recipe: { ...recipe, network: blocks },
  },
  pixels: {
    spaces: { cameras: [camera], proprioceptionSize: 0, actionSize: 2 },
    recipe: { ...recipe, network: flat, salience: 3, decodeEvery: 2 },
  },
  both: { spaces: { cameras: [camera], proprioceptionSize: 5, actionSize: 2 }, recipe },
  dynamics: {
    spaces: { cameras: [], proprioceptionSize: 5, actionSize: 2 },
    recipe: { ...recipe, actorGradient: "dynamics" },
  },
  ahead: {
    spaces: { cameras: [camera], proprioceptionSize: 5, actionSize: 2 },
    recipe: {
      ...recipe,
      network: { ...network, rssm: { ...network.rssm, known: { deviation: 0.4 } }, rewardHead: "gaussian" },
      sequence: { length: 2, batch: BATCH, ahead: LENGTH - 2 },
      imagination: { horizon: 3, starts: 2 },
      actorGradient: "dynamics",
      overshooting: 2,
      expectFirst: false,
      salience: 3,
      decodeEvery: 2,
      imageScale: 0.2,
      proprioceptionScale: 3,
      rewardScale: 2,
      frameScale: 0.5,
      aheadScale: 0.7,
    },
  },
};

for (const [name, { spaces, recipe: options }] of Object.entries(cases)) {
  test(`${name}: two updates in a row have the losses, returns and gradient norms of the equations`, async () => {
    const expected = golden[name]!.updates;
    const found = await runUpdates(dreamerV3Update(spaces, options), expected.length);
    for (const [i, metrics] of expected.entries()) metricsClose(found[i]!, metrics, golden.tolerance, `update ${i}`);
  });
}

test("the comparison notices a loss that is off by a thousandth", () => {
  const { policy = 0 } = golden.state!.updates[0]!;
  assert.throws(() => metricsClose({ policy: 1.001 * policy }, { policy }, golden.tolerance, "check"));
});
