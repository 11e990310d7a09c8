import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Sym } from "../../../src/graph/index.ts";
import * as g from "../../../src/graph/index.ts";
import { evaluate } from "../../unit/graph/runtime.ts";
import { data, unit } from "./fill.ts";

interface Golden {
  readonly tolerance: number;
  readonly distributions: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../../test/golden/graph/distributions.json", import.meta.url), "utf8"),
);

type Input = (name: string, ...shape: number[]) => Sym;

const VALUES: Readonly<Record<string, (input: Input, uniform: Input) => Record<string, Sym>>> = {
  gaussian(input) {
    const a = g.gaussian(input("mean", 3, 4), g.exp(input("scale", 3, 4)));
    const b = g.gaussian(input("mean2", 3, 4), g.exp(input("scale2", 3, 4)));
    return { logProb: a.logProb(input("x", 3, 4)), entropy: a.entropy(), kl: a.kl(b), mode: a.mode() };
  },
  tanhGaussian(input) {
    const a = g.tanhGaussian(input("mean", 3, 4), g.exp(input("scale", 3, 4)));
    const b = g.tanhGaussian(input("mean2", 3, 4), g.exp(input("scale2", 3, 4)));
    const x = input("x", 3, 4);
    const { value, logProb } = a.sampleWithLogProb(x);
    return { sample: value, logProbOfSample: logProb, logProb: a.logProb(g.mul(x, 0.6)), kl: a.kl(b), mode: a.mode() };
  },
  categorical(input, uniform) {
    const options = { unimix: 0.1, eventRank: 1 };
    const logits = input("logits", 3, 2, 5);
    const a = g.categorical(logits, options);
    const b = g.categorical(input("logits2", 3, 2, 5), options);
    const sample = a.sample(uniform("noise", 3, 2, 5));
    const [entropy, kl, mode] = [a.entropy(), a.kl(b), a.mode()];
    return { sample, logProb: a.logProb(sample), entropy, kl, mode, plainEntropy: g.categorical(logits).entropy() };
  },
  bernoulli(input, uniform) {
    const a = g.bernoulli(g.mul(input("logits", 3, 4), 3));
    const b = g.bernoulli(input("logits2", 3, 4));
    const sample = a.sample(uniform("noise", 3, 4));
    const softLogProb = a.logProb(g.sigmoid(input("x", 3, 4)));
    const [entropy, kl, mode] = [a.entropy(), a.kl(b), a.mode()];
    return { sample, logProb: a.logProb(sample), softLogProb, entropy, kl, mode, mean: a.mean };
  },
  gaussianMixture(input, uniform) {
    const deviations = g.exp(input("scales", 3, 4, 5));
    const mixture = g.gaussianMixture(input("logits", 3, 4, 5), input("means", 3, 4, 5), deviations, {
      temperature: 0.7,
    });
    const x = input("x", 3, 4);
    const sample = mixture.sample(uniform("noise", 3, 4, 5), x);
    return { logProb: mixture.logProb(x), mean: mixture.mean(), mode: mixture.mode(), sample };
  },
  twoHot(input, uniform) {
    const logits = input("logits", 3, 4, 11);
    const x = g.mul(input("x", 3, 4), 9);
    const symlog = g.twoHot(logits, { low: -2.5, high: 2.5, space: "symlog" });
    const raw = g.twoHot(logits, { low: -2.5, high: 2.5, space: "raw" });
    const other = g.twoHot(input("logits2", 3, 4, 11), { low: -2.5, high: 2.5, space: "raw" });
    return {
      symlogMean: symlog.mean(),
      symlogLogProb: symlog.logProb(x),
      rawMean: raw.mean(),
      rawLogProb: raw.logProb(x),
      symlogMode: symlog.mode(),
      rawSample: raw.sample(uniform("noise", 3, 4, 11)),
      entropy: raw.entropy(),
      kl: raw.kl(other),
    };
  },
};

describe("a distribution's values equal torch.distributions'", () => {
  for (const [name, expected] of Object.entries(golden.distributions)) {
    test(name, async () => {
      const graph = new g.Graph(name);
      const feeds: Record<string, Float32Array> = {};
      const declare =
        (fill: (name: string, shape: readonly number[]) => Float32Array): Input =>
        (name, ...shape) => {
          feeds[name] ??= fill(name, shape);
          return graph.inputs.find((sym) => sym.name === name) ?? graph.input(name, shape);
        };
      const values = VALUES[name]!(
        declare(data),
        declare((name, shape) => Float32Array.from(unit(name, shape))),
      );
      for (const [key, value] of Object.entries(values)) graph.output(`${key}Value`, value);
      const results = await evaluate(graph, feeds);
      assert.deepEqual(Object.keys(values).sort(), Object.keys(expected).sort());
      for (const [key, wanted] of Object.entries(expected)) {
        const actual = results[`${key}Value`]!;
        assert.equal(actual.length, wanted.length, key);
        for (const [i, number] of wanted.entries()) {
          const error = Math.abs(actual[i]! - number);
          assert.ok(
            error <= golden.tolerance * (1 + Math.abs(number)),
            `${key}[${i}]: ${actual[i]} instead of ${number}`,
          );
        }
      }
    });
  }
});
