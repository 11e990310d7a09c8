import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { Graph } from "../../../src/graph/graph.ts";
import * as nn from "../../../src/graph/nn/index.ts";
import {
  constant,
  type Initializer,
  orthogonal,
  truncatedNormal,
  uniformFanIn,
  varianceScaling,
  zeros,
} from "../../../src/graph/nn/initializers.ts";
import { mul } from "../../../src/graph/operators/index.ts";
import {
  BoundParameters,
  ConstantParameters,
  InputParameters,
  initializeParameters,
  Parameters,
} from "../../../src/graph/parameters.ts";
import { evaluate } from "./runtime.ts";

function declared() {
  const graph = new Graph();
  const source = new InputParameters(graph);
  return { graph, source, p: new Parameters(source) };
}

describe("parameters", () => {
  test("chosen members of an ensemble compute what they compute among all", async () => {
    const { graph, source, p } = declared();
    const x = graph.input("x", [2, 3]);
    const network = { hidden: [4], output: 2 };
    graph.output("all", nn.ensembleMlp(p, x, { ...network, members: 3 }));
    const chosen = p.members(graph.constant([2, 0], [2], "int64"), 3);
    graph.output("chosen", nn.ensembleMlp(chosen, x, { ...network, members: 2 }));
    const values = Object.fromEntries(initializeParameters(source.specs.values(), 1));
    const { all, chosen: found } = await evaluate(graph, { ...values, x: Float32Array.of(1, -2, 3, 0.5, 0, -1) });
    const member = (i: number) => Array.from(all!.subarray(4 * i, 4 * i + 4));
    assert.deepEqual(Array.from(found!), [...member(2), ...member(0)]);
  });

  test("are declared by use, under the path of their scopes and in their group", () => {
    const { graph, source, p } = declared();
    const x = graph.input("x", [2, 3]);
    nn.linear(p.scope("actor").group("policy").scope("out"), nn.linear(p.scope("encoder"), x, 4), 1, { bias: false });
    assert.deepEqual(
      [...source.specs.values()].map(({ name, group, shape, fanIn }) => [name, group, shape, fanIn]),
      [
        ["encoder/weight", "model", [3, 4], 3],
        ["encoder/bias", "model", [4], 3],
        ["actor/out/weight", "policy", [4, 1], 4],
      ],
    );
  });

  test("are shared when a name is used again, and an error names the one that was given two shapes", () => {
    const { graph, source, p } = declared();
    const x = graph.input("x", [2, 3]);
    nn.linear(p.scope("a"), nn.linear(p.scope("a"), x, 3), 3);
    assert.equal(source.specs.size, 2);
    assert.throws(() => nn.linear(p.scope("a"), x, 4), { code: "ERR_SHAPE_MISMATCH", message: /"a\/weight"/ });
  });

  test("of a target network are inputs of their own", () => {
    const { graph, source, p } = declared();
    nn.linear(p.target().scope("q"), graph.input("x", [2, 3]), 1);
    assert.deepEqual([...source.targets], ["q/weight", "q/bias"]);
    assert.deepEqual(
      graph.inputs.map((input) => input.name),
      ["x", "q/weight", "target/q/weight", "q/bias", "target/q/bias"],
    );
  });

  test("written as constants give the same graph as inputs, and a missing one is named", async () => {
    const weights = new Map([["scale", Float32Array.of(2, 3)]]);
    const build = (graph: Graph, p: Parameters) =>
      graph.output("y", mul(graph.input("x", [2]), p.get("scale", { shape: [2], initializer: zeros })));
    const graph = new Graph();
    build(graph, new Parameters(new ConstantParameters(graph, weights)));
    assert.deepEqual([...(await evaluate(graph, { x: [5, 7] })).y!], [10, 21]);
    const missing = new Graph();
    const empty = new Parameters(new ConstantParameters(missing, new Map()));
    assert.throws(() => build(missing, empty), { code: "ERR_UNKNOWN_PARAMETER", message: /"scale"/ });
    const unbound = new Parameters(new BoundParameters(missing, new Map()));
    assert.throws(() => unbound.get("scale", { shape: [2], initializer: zeros }), { code: "ERR_UNKNOWN_PARAMETER" });
  });

  test("start from values that depend on the seed and their own name alone", () => {
    const draw = (names: readonly string[], seed: number) => {
      const { source, p } = declared();
      for (const name of names) p.get(name, { shape: [3, 4], initializer: uniformFanIn });
      return initializeParameters(source.specs.values(), seed);
    };
    const [both, one, other] = [draw(["a", "b"], 1), draw(["b"], 1), draw(["b"], 2)];
    assert.deepEqual(both.get("b"), one.get("b"));
    assert.notDeepEqual(both.get("a"), both.get("b"));
    assert.notDeepEqual(one.get("b"), other.get("b"));
  });
});

describe("initialisers", () => {
  const [fanIn, fanOut] = [200, 300];
  const draw = (initializer: Initializer) => initializer({ shape: [fanIn, fanOut], fanIn, fanOut }, new Rng(3));
  const deviation = (values: Float32Array) => Math.sqrt(values.reduce((total, x) => total + x * x, 0) / values.length);
  const near = (actual: number, wanted: number) =>
    assert.ok(Math.abs(actual / wanted - 1) < 0.02, `${actual}, ${wanted}`);

  test("uniformFanIn stays within 1/√fanIn", () => {
    const values = draw(uniformFanIn);
    const bound = 1 / Math.sqrt(fanIn);
    near(Math.max(...values), bound);
    near(-Math.min(...values), bound);
    near(deviation(values), bound / Math.sqrt(3));
  });

  test("varianceScaling has variance scale / fan in spite of the truncation", () => {
    near(deviation(draw(varianceScaling())), 1 / Math.sqrt(fanIn));
    near(deviation(draw(varianceScaling({ scale: 2, fan: "out" }))), Math.sqrt(2 / fanOut));
    near(deviation(draw(varianceScaling({ fan: "average" }))), Math.sqrt(2 / (fanIn + fanOut)));
  });

  test("truncatedNormal cuts off at two deviations", () => {
    const values = draw(truncatedNormal(0.02));
    assert.ok(values.every((x) => Math.abs(x) <= 0.04));
    near(Math.max(...values), 0.04);
  });

  test("orthogonal rows or columns, whichever are fewer", () => {
    for (const [rows, columns] of [
      [5, 8],
      [8, 5],
      [6, 6],
    ] as const) {
      const values = orthogonal(2)({ shape: [rows, columns], fanIn: rows, fanOut: columns }, new Rng(4));
      const wide = columns > rows;
      const count = Math.min(rows, columns);
      const entry = (vector: number, i: number) => values[wide ? vector * columns + i : i * columns + vector]!;
      for (let a = 0; a < count; a++) {
        for (let b = 0; b < count; b++) {
          let product = 0;
          for (let i = 0; i < Math.max(rows, columns); i++) product += entry(a, i) * entry(b, i);
          assert.ok(Math.abs(product - (a === b ? 4 : 0)) < 1e-5);
        }
      }
    }
  });

  test("constants", () => {
    assert.ok(draw(constant(0.5)).every((x) => x === 0.5));
    assert.ok(draw(zeros).every((x) => x === 0));
  });
});
