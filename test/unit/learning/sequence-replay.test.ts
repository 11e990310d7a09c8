import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { elementCount } from "../../../src/core/tensor.ts";
import { EpisodeStore } from "../../../src/learning/episodes/episode-store.ts";
import { SequenceReplay, type SequenceSize, sequenceSpecs } from "../../../src/learning/online/sequence-replay.ts";

const size = { length: 4, batch: 32 };
const spaces = { cameras: [{ name: "scene", width: 1, height: 1 }], proprioceptionSize: 1, actionSize: 1 };

/** Episodes of 3, 2 and 4 frames; every number says which frame it belongs to. The second one moves the goal only and ends by failure. */
function makeStore(): EpisodeStore {
  const store = new EpisodeStore({ imageBytes: { scene: 3 }, proprioceptionSize: 1, actionSize: 1 }, 14);
  const addEpisode = (kind: "reset" | "retarget", frames: number) => {
    const writer = store.begin({ kind, seed: 0 }, "random");
    for (let t = 0; t < frames; t++) {
      const frame = writer.nextFrame();
      store.borrowImage("scene", frame).fill(frame);
      store.borrowProprioception(frame)[0] = frame;
      store.borrowAction(frame)[0] = 10 + frame;
      store.rewards[frame] = 100 + frame;
      store.terminal[frame] = kind === "retarget" && t === frames - 1 ? 1 : 0;
    }
    writer.end();
  };
  addEpisode("reset", 3);
  addEpisode("retarget", 2);
  addEpisode("reset", 4);
  return store;
}

function emptyBatch(of: SequenceSize): Record<string, Uint8Array | Float32Array> {
  return Object.fromEntries(
    sequenceSpecs(spaces, of).map(({ name, shape, dtype }) => {
      const count = elementCount(shape);
      return [name, dtype === "uint8" ? new Uint8Array(count) : new Float32Array(count)];
    }),
  );
}

/** One drawn batch, as one record per frame and sequence. */
function draw(seed: number) {
  const arrays = emptyBatch(size);
  new SequenceReplay(makeStore(), size).fill(arrays, new Rng(seed));
  return Array.from({ length: size.batch }, (_, row) =>
    Array.from({ length: size.length }, (_, t) => {
      const place = t * size.batch + row;
      const number = (name: string) => arrays[name]![place] as number;
      return {
        frame: number("proprioception"),
        image: arrays.image_scene![3 * place] as number,
        action: number("action"),
        reward: number("reward"),
        isFirst: number("is_first"),
        isLast: number("is_last"),
        isTerminal: number("is_terminal"),
        rewarded: number("rewarded"),
      };
    }),
  );
}

test("a sequence is a run of frames across the borders of episodes, and every start is drawn", () => {
  const sequences = draw(1);
  for (const sequence of sequences) {
    const [first] = sequence;
    for (const [t, { frame, image, reward }] of sequence.entries()) {
      assert.deepEqual([frame, image, reward], [first!.frame + t, first!.frame + t, 100 + first!.frame + t]);
    }
  }
  assert.deepEqual([...new Set(sequences.map(([first]) => first!.frame))].sort(), [0, 1, 2, 3, 4, 5]);
});

test("steps ahead have everything but images", () => {
  const ahead = { length: 2, batch: 8, ahead: 3 };
  const shapes = new Map(sequenceSpecs(spaces, ahead).map(({ name, shape }) => [name, shape]));
  assert.deepEqual(shapes.get("image_scene"), [2, 8, 1, 1, 3]);
  assert.deepEqual(shapes.get("reward"), [5, 8]);
  const arrays = emptyBatch(ahead);
  new SequenceReplay(makeStore(), ahead).fill(arrays, new Rng(4));
  for (let row = 0; row < ahead.batch; row++) {
    const first = arrays.image_scene![3 * row]!;
    const rewards = Array.from({ length: 5 }, (_, t) => arrays.reward![t * ahead.batch + row]);
    assert.deepEqual(
      rewards,
      [0, 1, 2, 3, 4].map((t) => 100 + first + t),
    );
  }
});

test("a share of the sequences begins in the policy's own episodes, however few they are", () => {
  const store = makeStore();
  const writer = store.begin({ kind: "reset", seed: 0 }, "policy");
  for (let t = 0; t < 5; t++) store.rewards[writer.nextFrame()] = 500 + t;
  writer.end();
  const batch = { length: 1, batch: 400 };
  const arrays = emptyBatch(batch);
  new SequenceReplay(store, batch, 0.75).fill(arrays, new Rng(5));
  const share = arrays.reward!.filter((reward) => reward >= 500).length / batch.batch;
  assert.ok(Math.abs(share - 0.75) < 0.08, `${share}`);
});

test("the action is the one that led to the frame, and none at an episode's start", () => {
  for (const { frame, action } of draw(2).flat()) {
    assert.equal(action, [0, 3, 5].includes(frame) ? 0 : 10 + frame - 1);
  }
});

test("flags mark what is forgotten, where an episode ends, and rewards that mean nothing", () => {
  for (const { frame, isFirst, isLast, isTerminal, rewarded } of draw(3).flat()) {
    assert.equal(isFirst, [0, 5].includes(frame) ? 1 : 0, "a goal that moves is no new beginning");
    assert.equal(isLast, [2, 4, 8].includes(frame) ? 1 : 0);
    assert.equal(isTerminal, frame === 4 ? 1 : 0);
    assert.equal(rewarded, [0, 3, 5].includes(frame) ? 0 : 1);
  }
});
