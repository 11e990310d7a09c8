import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { PolicyEvent } from "../../../src/messages/index.ts";
import { ActingModel } from "../../../src/nodes/world-model/acting-model.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const MORTAL = new URL("../../support/mortal-inference-thread.js", import.meta.url);

test("a model whose inference thread was lost acts again after its revival, with a new belief and a log of its own", async (t) => {
  const clock = systemClock();
  const events: PolicyEvent[] = [];
  const inference = { provider: "cpu", threads: 1, niceness: 0, program: MORTAL } as const;
  const log = { onStart: () => {}, onEvent: (event: PolicyEvent) => events.push(event) };
  const folder = await writeSampleBundle(t);
  const model = await ActingModel.load(folder, { clock, inference, seed: 0, budgetShare: 0.8, watchScene: false, log });
  t.after(() => model.close());
  const observe = (position: number) => {
    const arrivalNs = clock.monotonicNs();
    const image = { width: 8, height: 8, data: new Uint8Array(192), stampNs: 1n, arrivalNs };
    const observation = {
      images: { scene: image },
      proprioception: Float32Array.of(position, 0, 0),
      stampNs: 1n,
      arrivalNs,
    };
    return model.step.believe(observation, arrivalNs, (_from, _to, out) => out.fill(0));
  };
  await observe(0.5);
  assert.ok((await observe(0.5)) > 0);
  await assert.rejects(observe(Number.NaN), { code: "ERR_INFERENCE_LOST", message: /struck by NaN/ });
  await assert.rejects(observe(0.5), { code: "ERR_INFERENCE_LOST" });
  await model.revive();
  assert.equal(await observe(0.5), 0); // nothing is surprising to a belief that begins
  assert.ok((await observe(0.5)) > 0);
  await new Promise(setImmediate);
  assert.deepEqual(
    events.map(({ number }) => number),
    [0, 1, 2, 3, 0, 1],
  );
});
