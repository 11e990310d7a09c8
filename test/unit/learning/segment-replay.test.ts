import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { type EpisodeSource, EpisodeStore } from "../../../src/learning/episodes/episode-store.ts";
import { SegmentReplay } from "../../../src/learning/episodes/segment-replay.ts";

const [HORIZON, BATCH] = [3, 64];
const camera = { name: "scene", width: 3, height: 1 };

/** Episodes whose every number says which frame it belongs to. */
function storeOf(lengths: readonly number[], capacity = 100): EpisodeStore {
  const store = new EpisodeStore({ imageBytes: { scene: 9 }, proprioceptionSize: 1, actionSize: 1 }, capacity);
  for (const steps of lengths) addEpisode(store, steps);
  return store;
}

function addEpisode(store: EpisodeStore, steps: number, source: EpisodeSource = "random"): void {
  const writer = store.begin({ kind: "reset", seed: 0 }, source);
  for (let t = 0; t <= steps; t++) {
    const frame = writer.nextFrame();
    store.borrowImage("scene", frame).set([0, 0, 0, frame, frame, frame, 200, 200, 200]);
    store.borrowProprioception(frame)[0] = frame;
    store.borrowAction(frame)[0] = frame;
    store.rewards[frame] = frame;
  }
  writer.end();
}

function arrays() {
  return {
    image_scene: new Uint8Array((HORIZON + 1) * BATCH * 9),
    proprioception: new Float32Array((HORIZON + 1) * BATCH),
    actions: new Float32Array(HORIZON * BATCH),
    rewards: new Float32Array(HORIZON * BATCH),
  };
}

test("a segment runs from frame to frame within one episode, each action before its reward", () => {
  const store = storeOf([5, 4, 9]);
  const batch = arrays();
  new SegmentReplay(store, { horizon: HORIZON, batch: BATCH }, [camera]).fill(batch, new Rng(1));
  const starts = new Set(batch.proprioception.subarray(0, BATCH));
  for (let row = 0; row < BATCH; row++) {
    const first = batch.proprioception[row]!;
    const episode = store.episodes.find(
      ({ firstFrame, frames }) => first >= firstFrame && first < firstFrame + frames,
    )!;
    assert.ok(first + HORIZON < episode.firstFrame + episode.frames);
    for (let t = 0; t <= HORIZON; t++) {
      assert.equal(batch.proprioception[t * BATCH + row], first + t);
      assert.equal(batch.image_scene[(t * BATCH + row) * 9 + 3], first + t);
    }
    for (let t = 0; t < HORIZON; t++) {
      assert.equal(batch.actions[t * BATCH + row], first + t);
      assert.equal(batch.rewards[t * BATCH + row], first + t + 1);
    }
  }
  assert.ok(starts.has(0) && starts.size > 5);
});

test("episodes added later take part, those shorter than a segment never do", () => {
  const store = storeOf([5, 2]);
  const replay = new SegmentReplay(store, { horizon: HORIZON, batch: BATCH }, [camera]);
  const batch = arrays();
  replay.fill(batch, new Rng(2));
  assert.ok(batch.proprioception.subarray(0, BATCH).every((frame) => frame <= 2));
  addEpisode(store, 3);
  replay.fill(batch, new Rng(2));
  assert.deepEqual(
    [...new Set(batch.proprioception.subarray(0, BATCH))].toSorted((a, b) => a - b),
    [0, 1, 2, 9],
  );
});

test("with random shifts every image is moved by itself, within the limit", () => {
  const batch = arrays();
  new SegmentReplay(storeOf([5]), { horizon: HORIZON, batch: BATCH }, [camera], { shiftPx: 1 }).fill(batch, new Rng(3));
  const shown = new Set<string>();
  for (let place = 0; place < (HORIZON + 1) * BATCH; place++) {
    const frame = batch.proprioception[place]!;
    const pixels = [0, 3, 6].map((offset) => batch.image_scene[place * 9 + offset]!);
    const moved = [
      [0, 0, frame],
      [0, frame, 200],
      [frame, 200, 200],
    ].findIndex((possible) => possible.join() === pixels.join());
    assert.ok(moved >= 0, `${pixels}`);
    shown.add(`${moved}`);
  }
  assert.equal(shown.size, 3);
});

test("context comes before a segment, and an episode's first frame stands for what was before it", () => {
  const context = 2;
  const store = storeOf([4]);
  const frames = (context + HORIZON + 1) * BATCH;
  const batch = { ...arrays(), image_scene: new Uint8Array(frames * 9), proprioception: new Float32Array(frames) };
  new SegmentReplay(store, { horizon: HORIZON, batch: BATCH, context }, [camera]).fill(batch, new Rng(4));
  const rowOf = (row: number) =>
    Array.from({ length: frames / BATCH }, (_, t) => batch.proprioception[t * BATCH + row]);
  const rows = new Set(Array.from({ length: BATCH }, (_, row) => rowOf(row).join()));
  assert.deepEqual([...rows].toSorted(), ["0,0,0,1,2,3", "0,0,1,2,3,4"]);
  assert.ok(
    batch.actions.subarray(0, BATCH).every((action, row) => action === batch.proprioception[context * BATCH + row]),
  );
});

test("a policy share decides how much comes from the policy's episodes, and waits until there is one", () => {
  const store = storeOf([5, 5, 5, 5, 5, 5]);
  const replay = new SegmentReplay(store, { horizon: HORIZON, batch: BATCH }, [camera], { policyShare: 0.5 });
  const batch = arrays();
  replay.fill(batch, new Rng(5));
  assert.ok(batch.proprioception.every((frame) => frame < store.frames));
  const first = store.frames;
  addEpisode(store, 5, "policy");
  replay.fill(batch, new Rng(6));
  const share = batch.proprioception.subarray(0, BATCH).filter((frame) => frame >= first).length / BATCH;
  assert.ok(Math.abs(share - 0.5) < 0.2, `${share}`);
});

test("every episode that is long enough is drawn", () => {
  const store = storeOf(new Array<number>(32).fill(HORIZON), 32 * (HORIZON + 1));
  const replay = new SegmentReplay(store, { horizon: HORIZON, batch: BATCH }, [camera]);
  const batch = arrays();
  const starts = new Set<number>();
  for (let i = 0; i < 10; i++) {
    replay.fill(batch, new Rng(i));
    for (const frame of batch.proprioception.subarray(0, BATCH)) starts.add(frame);
  }
  assert.deepEqual(
    [...starts].toSorted((a, b) => a - b),
    store.episodes.map(({ firstFrame }) => firstFrame),
  );
});

test("with random shifts and context all images of a segment are moved together", () => {
  const context = 1;
  const frames = context + HORIZON + 1;
  const batch = {
    ...arrays(),
    image_scene: new Uint8Array(frames * BATCH * 9),
    proprioception: new Float32Array(frames * BATCH),
  };
  const size = { horizon: HORIZON, batch: BATCH, context };
  new SegmentReplay(storeOf([5]), size, [camera], { shiftPx: 1 }).fill(batch, new Rng(3));
  const shown = new Set<number>();
  for (let row = 0; row < BATCH; row++) {
    const places = new Set(
      Array.from({ length: frames }, (_, t) => {
        const place = t * BATCH + row;
        const pixels = batch.image_scene.subarray(place * 9, (place + 1) * 9);
        return [0, 3, 6].findIndex((offset) => pixels[offset] === 200); // the first bright one
      }),
    );
    assert.equal(places.size, 1);
    shown.add([...places][0]!);
  }
  assert.equal(shown.size, 3);
});
