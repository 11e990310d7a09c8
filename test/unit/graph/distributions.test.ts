import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import * as g from "../../../src/graph/index.ts";
import { symexpBins, twoHot } from "../../../src/math/two-hot.ts";
import { evaluate } from "./runtime.ts";

describe("samples follow their distribution", () => {
  const count = 20000;
  const noise = (kind: "normal" | "uniform", size: number) => {
    const rng = new Rng(9);
    return kind === "normal" ? rng.fillNormal(new Float32Array(size)) : rng.fillUniform(new Float32Array(size));
  };
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

  test("categorical: frequencies are the probabilities", async () => {
    const graph = new g.Graph();
    const logits = graph.constant([0, 1, -1], [1, 3]);
    const dist = g.categorical(g.expand(logits, [count, 3]), { unimix: 0.1 });
    graph.output("frequency", g.mean(dist.sample(graph.noiseInput("noise", [count, 3], "uniform")), 0));
    graph.output("probability", g.mean(dist.probabilities, 0));
    const { frequency, probability } = await evaluate(graph, { noise: noise("uniform", 3 * count) });
    for (let i = 0; i < 3; i++) assert.ok(Math.abs(frequency![i]! - probability![i]!) < 0.012);
  });

  test("mixture: the samples' mean and variance are the mixture's", async () => {
    const graph = new g.Graph();
    const row = (...values: number[]) => g.expand(graph.constant(values, [1, 1, 2]), [count, 1, 2]);
    const mixture = g.gaussianMixture(row(0, Math.log(3)), row(-2, 2), row(0.5, 1));
    const [components, normals] = [graph.noiseInput("u", [count, 1, 2], "uniform"), graph.noiseInput("n", [count, 1])];
    graph.output("sample", mixture.sample(components, normals));
    const { sample } = await evaluate(graph, { u: noise("uniform", 2 * count), n: noise("normal", count) });
    assert.ok(Math.abs(mean(sample!) - 1) < 0.05);
    const variance = mean(sample!.map((x) => (x - 1) ** 2));
    assert.ok(Math.abs(variance - (0.25 * (0.25 + 9) + 0.75 * (1 + 1))) < 0.1, `${variance}`);
  });

  test("tanhGaussian: one-sample entropies average to minus the mean log-probability", async () => {
    const graph = new g.Graph();
    const dist = g.tanhGaussian(graph.constant([0.3], [1, 1]), graph.constant([0.8], [1, 1]));
    const normals = graph.noiseInput("n", [count, 1]);
    graph.output("entropy", g.mean(dist.entropy(normals)));
    graph.output("logProb", g.mean(dist.sampleWithLogProb(normals).logProb));
    const { entropy, logProb } = await evaluate(graph, { n: noise("normal", count) });
    assert.ok(Math.abs(entropy![0]! + logProb![0]!) < 0.02);
  });
});

describe("two-hot", () => {
  test("weights in a graph equal those in plain numbers", async () => {
    const bins = symexpBins(-8, 8, 41);
    const values = [-1e5, -700, -3.3, -0.01, 0, 0.2, 1, 55, 2980, 1e6];
    const graph = new g.Graph();
    graph.output("weights", g.twoHotWeights(graph.input("x", [values.length]), bins));
    const { weights } = await evaluate(graph, { x: values });
    values.forEach((x, row) => {
      twoHot(Math.fround(x), bins).forEach((wanted, i) => {
        assert.ok(Math.abs(weights![row * bins.length + i]! - wanted) < 1e-5);
      });
    });
  });

  test("predicts exactly zero from equal logits, although its outer bins are huge", async () => {
    const graph = new g.Graph();
    const logits = graph.input("logits", [2, 255]);
    graph.output("mean", g.twoHot(logits, { low: -20, high: 20, space: "raw" }).mean());
    const { mean } = await evaluate(graph, { logits: new Float32Array(510) });
    assert.deepEqual([...mean!], [0, 0]);
  });

  test("asks for bins that rise, and for raw bins around zero", () => {
    const x = new g.Graph().input("x", [3]);
    assert.throws(() => g.twoHotWeights(x, [2, 1]), { code: "ERR_INVALID_ARGUMENT" });
    assert.throws(() => g.twoHot(x, { low: -1, high: 2, space: "raw" }), { code: "ERR_INVALID_ARGUMENT" });
  });
});

test("a probability of a categorical never falls below the unimix share", async () => {
  const graph = new g.Graph();
  const dist = g.categorical(graph.input("logits", [1, 4]), { unimix: 0.04 });
  graph.output("smallest", g.reduceMin(dist.probabilities));
  const { smallest } = await evaluate(graph, { logits: [100, 0, 0, 0] });
  assert.ok(smallest![0]! >= 0.01 * (1 - 1e-6));
});
