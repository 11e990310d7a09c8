import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Rng } from "../../../src/core/rng.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { LocalGraph } from "../../../src/learning/bundle/local-graph.ts";
import { fitProbeDecoder } from "../../../src/learning/bundle/probe-decoder.ts";
import { believeEpisode } from "../../../src/learning/surprise/episode-belief.ts";
import { playHeldOutEpisodes } from "../../../src/nodes/held-out-episodes.ts";
import { openWorldOf } from "../../../src/nodes/training-world.ts";

const bundle = await readBundle(fileURLToPath(new URL("../../../../models/reach-keypoint", import.meta.url)));

test("what a probe paints of latents is nearer to what was seen then than to what was seen in another episode", async () => {
  const world = await openWorldOf(bundle.manifest, "reach");
  const store = await playHeldOutEpisodes(world, bundle, { episodes: 4, seed: 1 });
  world.close();
  const onnx = await fitProbeDecoder(bundle, store, { updates: 150, seed: 1 });

  const [encode, observe, decode] = await Promise.all(
    [bundle.onnx.encode!, bundle.onnx.observe!, onnx].map((graph) => LocalGraph.open(graph)),
  );
  const episode = store.episodes[1]!;
  const { latents } = await believeEpisode(store, episode, { encode: encode!, observe: observe! }, new Rng(1));
  const shown = decode!.inputs.latent as Float32Array;
  shown.set(latents.subarray(0, shown.length));
  const painted = (await decode!.run()).image_scene as Uint8Array;
  const { latentSize } = bundle.manifest;
  const count = shown.length / latentSize;
  const bytes = store.sizes.imageBytes.scene!;
  const errorTo = (firstFrame: number) => {
    let squares = 0;
    for (let t = 0; t < count; t++) {
      store.borrowImage("scene", firstFrame + t).forEach((byte, i) => {
        squares += (byte - painted[t * bytes + i]!) ** 2;
      });
    }
    return squares;
  };
  const [own, other] = [errorTo(episode.firstFrame), errorTo(store.episodes[3]!.firstFrame)];
  assert.ok(own < 0.9 * other, `${own}, ${other}`);
  await Promise.all([encode, observe, decode].map((graph) => graph!.close()));
});

test("a bundle that does not imagine gets no probe", async () => {
  const { imagine: _, ...graphs } = bundle.manifest.graphs;
  const blind = { ...bundle, manifest: { ...bundle.manifest, graphs } };
  const world = await openWorldOf(bundle.manifest, "reach");
  const store = await playHeldOutEpisodes(world, bundle, { episodes: 1, seed: 1 });
  world.close();
  await assert.rejects(fitProbeDecoder(blind, store, { updates: 1, seed: 1 }), { code: "ERR_INVALID_ARGUMENT" });
});
