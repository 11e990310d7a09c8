import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../../src/core/rng.ts";
import { type EpisodeSource, EpisodeStore } from "../../../../src/learning/episodes/episode-store.ts";
import { KeypointBatches, ownAndRandom } from "../../../../src/learning/keypoint/batches.ts";

const LATENT = 3;
const [BATCH, HORIZON, STEPS] = [400, 2, 4];

/** Episodes whose every number says which frame it belongs to. */
function fill(sources: readonly EpisodeSource[]) {
  const sizes = { imageBytes: { scene: 1 }, proprioceptionSize: 1, actionSize: 1 };
  const store = new EpisodeStore(sizes, sources.length * (STEPS + 1));
  for (const source of sources) {
    const writer = store.begin({ kind: "reset", seed: 0 }, source);
    for (let t = 0; t <= STEPS; t++) {
      const frame = writer.nextFrame();
      store.borrowImage("scene", frame)[0] = frame;
      store.borrowProprioception(frame)[0] = frame;
      store.borrowAction(frame)[0] = frame;
      store.rewards[frame] = frame;
    }
    writer.end();
  }
  const batches = new KeypointBatches(ownAndRandom(store, 0.5), HORIZON);
  batches.refresh();
  const latents = Float32Array.from({ length: store.frames * LATENT }, (_, i) => Math.floor(i / LATENT));
  const encoded = new Map([[store, latents]]);
  return { store, batches, encoded };
}

const isFirst = (frame: number) => frame % (STEPS + 1) === 0;

test("single frames keep image, proprioception and reward together, and are never an episode's first", () => {
  const { batches } = fill(["random", "random", "policy"]);
  const rewards = new Float32Array(BATCH);
  const arrays = { image_scene: new Uint8Array(BATCH), proprioception: new Float32Array(BATCH), rewards };
  batches.fillRepresentation(arrays, new Rng(1));
  for (let row = 0; row < BATCH; row++) {
    assert.equal(arrays.image_scene[row], rewards[row]);
    assert.equal(arrays.proprioception[row], rewards[row]);
    assert.ok(!isFirst(rewards[row]!));
  }
});

test("pieces of episodes run from frame to frame within one episode", () => {
  const { batches, encoded } = fill(["random", "policy", "random"]);
  const arrays = {
    latents: new Float32Array((HORIZON + 1) * BATCH * LATENT),
    actions: new Float32Array(HORIZON * BATCH),
    rewards: new Float32Array(HORIZON * BATCH),
  };
  batches.fillDynamics(arrays, new Rng(1), encoded);
  for (let row = 0; row < BATCH; row++) {
    const first = arrays.latents[row * LATENT]!;
    for (let t = 0; t < HORIZON; t++) {
      assert.equal(arrays.actions[t * BATCH + row], first + t);
      assert.equal(arrays.rewards[t * BATCH + row], first + t + 1);
      assert.equal(arrays.latents[((t + 1) * BATCH + row) * LATENT], first + t + 1);
    }
    assert.equal(Math.floor(first / (STEPS + 1)), Math.floor((first + HORIZON) / (STEPS + 1)));
  }
});

test("the planner's episodes make up half of a batch, also when they are few", () => {
  const { batches } = fill([...new Array<EpisodeSource>(9).fill("random"), "policy"]);
  const rewards = new Float32Array(BATCH);
  const arrays = { image_scene: new Uint8Array(BATCH), proprioception: new Float32Array(BATCH), rewards };
  batches.fillRepresentation(arrays, new Rng(1));
  const ofPolicy = rewards.filter((frame) => frame >= 9 * (STEPS + 1)).length;
  assert.ok(Math.abs(ofPolicy / BATCH - 0.5) < 0.1, `${ofPolicy} of ${BATCH}`);
});

test("every sixteenth episode is held out, and never drawn", () => {
  const { batches } = fill(new Array<EpisodeSource>(32).fill("random"));
  const rewards = new Float32Array(BATCH);
  const arrays = { image_scene: new Uint8Array(BATCH), proprioception: new Float32Array(BATCH), rewards };
  batches.fillRepresentation(arrays, new Rng(1));
  const drawn = new Set(rewards.map((frame) => Math.floor(frame / (STEPS + 1))));
  assert.deepEqual(
    Array.from({ length: 32 }, (_, i) => i).filter((i) => !drawn.has(i)),
    [15, 31],
  );
});
