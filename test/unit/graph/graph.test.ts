import assert from "node:assert/strict";
import { describe, test } from "node:test";
import onnxProto from "onnx-proto";
import { gradients } from "../../../src/graph/gradients.ts";
import { Graph } from "../../../src/graph/graph.ts";
import * as nn from "../../../src/graph/nn/index.ts";
import * as op from "../../../src/graph/operators/index.ts";
import { InputParameters, Parameters } from "../../../src/graph/parameters.ts";
import { evaluate } from "./runtime.ts";

function decode(graph: Graph) {
  const model = onnxProto.onnx.ModelProto.decode(graph.toOnnx());
  return { model, nodes: model.graph!.node!, constants: model.graph!.initializer! };
}

describe("the written model", () => {
  test("declares operator set 18 and the inputs and outputs with their shapes", () => {
    const graph = new Graph("toy");
    graph.output("y", op.cast(graph.input("image", [2, 3], "uint8"), "float32"));
    const { model } = decode(graph);
    assert.equal(Number(model.opsetImport![0]!.version), 18);
    const [input] = model.graph!.input!;
    const { elemType, shape } = input!.type!.tensorType!;
    assert.deepEqual([input!.name, elemType, shape!.dim!.map((d) => Number(d.dimValue))], ["image", 2, [2, 3]]);
  });

  test("leaves out nodes and constants that no output needs", () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    op.exp(op.add(x, 5));
    graph.output("y", op.mul(x, 3));
    const { nodes, constants } = decode(graph);
    assert.deepEqual(
      nodes.map((node) => node.opType),
      ["Mul"],
    );
    assert.equal(constants.length, 1);
  });

  test("names outputs where they are made, with a copy only for inputs and values put out twice", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const y = op.exp(x);
    graph.output("first", y);
    graph.output("second", y);
    graph.output("same", x);
    graph.output("after", op.log(y));
    assert.deepEqual(
      decode(graph)
        .nodes.map((node) => node.opType)
        .sort(),
      ["Exp", "Identity", "Identity", "Log"],
    );
    const results = await evaluate(graph, { x: [1, 2] });
    assert.deepEqual(results.second, results.first);
    assert.deepEqual([...results.same!], [1, 2]);
    assert.ok(Math.abs(results.after![1]! - 2) < 1e-6);
  });

  test("names nodes after their layer, gradients after the layer they belong to", () => {
    const graph = new Graph();
    const source = new InputParameters(graph);
    const p = new Parameters(source);
    const y = graph.scope("imagined", () =>
      nn.mlp(p.scope("policy"), graph.input("x", [2, 3]), { hidden: [4], output: 1, activation: op.tanh }),
    );
    const weight = graph.inputs.find((input) => input.name === "policy/linear0/weight")!;
    graph.output("gradient", gradients(op.sum(y), [weight])[0]!);
    const names = decode(graph).nodes.map((node) => node.name);
    assert.deepEqual(names.slice(0, 2), ["imagined/policy/linear0/Gemm", "imagined/policy/Tanh"]);
    assert.ok(
      names.some((name) => name!.startsWith("gradients/imagined/policy/out/")),
      names.join(),
    );
  });

  test("stores equal small constants once", () => {
    const graph = new Graph();
    assert.equal(graph.scalar(2), graph.scalar(2));
    assert.notEqual(graph.scalar(2), graph.scalar(2, "int64"));
  });

  test("refuses a name that is taken", () => {
    const graph = new Graph();
    const x = graph.input("x", [1]);
    assert.throws(() => graph.input("x", [1]), { code: "ERR_INVALID_ARGUMENT" });
    graph.output("y", op.exp(x));
    assert.throws(() => graph.output("y", x), { code: "ERR_INVALID_ARGUMENT" });
    assert.throws(() => graph.output("Exp", x), { code: "ERR_INVALID_ARGUMENT" });
  });
});

describe("a Loop", () => {
  test("carries state, gathers scans, and computes once what does not change", async () => {
    const graph = new Graph();
    const [x, rate] = [graph.input("x", [2]), graph.input("rate", [])];
    const { state, scan } = op.loop(graph, 3, [x], (iteration, [current]) => {
      const factor = op.exp(rate);
      const next = op.add(op.mul(current!, factor), op.cast(iteration, "float32"));
      return { state: [next], scan: [op.sum(next)] };
    });
    graph.output("state", state[0]!);
    graph.output("sums", scan[0]!);
    assert.deepEqual(
      decode(graph).nodes.map((node) => node.opType),
      ["Exp", "Loop"],
    );
    const results = await evaluate(graph, { x: [1, 2], rate: [Math.log(2)] });
    const expected = [
      [2, 4],
      [5, 9],
      [12, 20],
    ];
    assert.ok(results.state!.every((value, i) => Math.abs(value - expected[2]![i]!) < 1e-4));
    assert.ok(results.sums!.every((value, i) => Math.abs(value - expected[i]![0]! - expected[i]![1]!) < 1e-4));
  });

  test("may stand inside a Loop", async () => {
    const graph = new Graph();
    const x = graph.input("x", []);
    const outer = op.loop(graph, 2, [x], (_, [a]) => {
      const inner = op.loop(a!.graph, 3, [a!], (_i, [b]) => ({ state: [op.add(b!, x)], scan: [] }));
      return { state: [inner.state[0]!], scan: [] };
    });
    graph.output("y", outer.state[0]!);
    assert.equal((await evaluate(graph, { x: [2] })).y![0], 14);
  });

  test("passes no gradient, and says so", () => {
    const graph = new Graph();
    const x = graph.input("x", []);
    const { state } = op.loop(graph, 2, [x], (_, [a]) => ({ state: [op.exp(a!)], scan: [] }));
    assert.throws(() => gradients(state[0]!, [x]), { code: "ERR_NOT_DIFFERENTIABLE" });
    assert.doesNotThrow(() => gradients(op.mul(op.stopGradient(state[0]!), x), [x]));
  });

  test("refuses a next state of another shape, and values that leave its body", () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const grow = () => op.loop(graph, 2, [x], (_, [a]) => ({ state: [op.concat([a!, a!])], scan: [] }));
    assert.throws(grow, { code: "ERR_SHAPE_MISMATCH", message: /Loop.*\[4\] and \[2\]/ });
    const bodies = [0, 1].map(() => {
      let inside = x;
      op.loop(graph, 2, [x], (_, [a]) => {
        inside = a!;
        return { state: [a!], scan: [] };
      });
      return inside;
    });
    assert.throws(() => op.add(bodies[0]!, bodies[1]!), { code: "ERR_INVALID_ARGUMENT", message: /one graph/ });
  });
});

describe("gradients", () => {
  test("sum over every use of a value, and are zero where the loss does not depend on it", async () => {
    const graph = new Graph();
    const [x, other] = [graph.input("x", [2]), graph.input("other", [3])];
    const loss = op.sum(op.add(op.mul(x, x), op.add(op.mul(x, 3), op.mul(op.stopGradient(x), x))));
    const [dx, dOther] = gradients(loss, [x, other]);
    graph.output("dx", dx!);
    graph.output("dOther", dOther!);
    const results = await evaluate(graph, { x: [1, -2], other: [1, 2, 3] });
    assert.deepEqual([...results.dx!], [2 + 3 + 1, -4 + 3 - 2]);
    assert.deepEqual([...results.dOther!], [0, 0, 0]);
  });

  test("may be taken with respect to a value inside the graph", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const middle = op.exp(x);
    graph.output("dMiddle", gradients(op.sum(op.square(middle)), [middle])[0]!);
    const { dMiddle } = await evaluate(graph, { x: [0, 0] });
    assert.deepEqual([...dMiddle!], [2, 2]);
  });

  test("are constants to a later call", async () => {
    const graph = new Graph();
    const x = graph.input("x", []);
    const [slope] = gradients(op.mul(x, op.square(x)), [x]);
    graph.output("second", gradients(op.mul(slope!, x), [x])[0]!);
    assert.equal((await evaluate(graph, { x: [2] })).second![0], 12);
  });

  test("straightThrough has the value of the first and the gradient of the second", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const y = op.straightThrough(op.round(x), op.mul(x, 5));
    graph.output("y", op.mul(y, 1));
    graph.output("dx", gradients(op.sum(y), [x])[0]!);
    const results = await evaluate(graph, { x: [0.2, 1.7] });
    assert.deepEqual(
      [[...results.y!], [...results.dx!]],
      [
        [0, 2],
        [5, 5],
      ],
    );
  });

  test("ask for a scalar loss", () => {
    const graph = new Graph();
    const x = graph.input("x", [2]);
    assert.throws(() => gradients(x, [x]), { code: "ERR_SHAPE_MISMATCH", message: /scalar loss/ });
  });
});

describe("a wrong operand is an error that names the operation, the layer and the shapes", () => {
  const graph = new Graph();
  const [a, b, i] = [graph.input("a", [2, 3]), graph.input("b", [4, 5]), graph.input("i", [2], "int64")];
  const mismatches: Record<string, () => unknown> = {
    Add: () => op.add(a, b),
    Gemm: () => op.gemm(a, b),
    Linear: () => op.linear(a, b),
    MatMul: () => op.matmul(a, b),
    Concat: () => op.concat([a, b], 0),
    Reshape: () => op.reshape(a, [4, -1]),
    Expand: () => op.expand(a, [3, 3]),
    Transpose: () => op.transpose(a, [0, 0]),
    Split: () => op.split(a, [2, 2]),
    Slice: () => op.slice(a, 0, 1, 3),
    Pad: () => op.pad(a, [[1, 1]]),
    ReduceSum: () => op.sum(a, 2),
    TopK: () => op.topK(a, 4),
    Gather: () => op.gather(a, i, 3),
    GatherElements: () => op.takeAlongAxis(a, i, 0),
    LayerNormalization: () => op.layerNorm(a, b),
    StraightThrough: () => op.straightThrough(a, b),
    Conv2d: () => op.conv2d(a, b),
    SimNorm: () => nn.simNorm(a),
  };
  for (const [operation, wrong] of Object.entries(mismatches)) {
    test(operation, () => {
      const inLayer = () => graph.scope("encoder", wrong);
      assert.throws(inLayer, {
        code: "ERR_SHAPE_MISMATCH",
        message: new RegExp(`for ${operation} in encoder.*\\[.*\\]`),
      });
    });
  }

  test("element types", () => {
    for (const wrong of [() => op.add(a, i), () => op.exp(i), () => op.gather(a, a), () => op.where(a, a, a)]) {
      assert.throws(wrong, { code: "ERR_DTYPE_MISMATCH", message: /Expected .* for \w+ but "[ai]" is/ });
    }
  });

  test("numbers alone", () => {
    assert.throws(() => op.add(1, 2), { code: "ERR_INVALID_ARGUMENT" });
  });
});
