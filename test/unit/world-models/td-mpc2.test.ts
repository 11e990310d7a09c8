import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { Graph, InputParameters, initializeParameters, Parameters } from "../../../src/graph/index.ts";
import { buildTdMpc2, latentSizeOf, type TdMpc2Model } from "../../../src/world-models/td-mpc2.ts";
import { TD_MPC2_SIZES, type TdMpc2Config } from "../../../src/world-models/td-mpc2-config.ts";
import type { ModelSpaces } from "../../../src/world-models/world-model.ts";
import { runGraph, type Values } from "../../support/run-graph.ts";

const spaces: ModelSpaces = { cameras: [], proprioceptionSize: 3, actionSize: 2 };
const small: TdMpc2Config = { ...TD_MPC2_SIZES.cpu, encoderUnits: 8, units: 8, latent: 8, simplex: 4 };

/** Runs what `define` builds from a fresh model. */
function run(
  config: TdMpc2Config,
  inputs: Values,
  define: (graph: Graph, model: TdMpc2Model) => void,
): Promise<Values> {
  const graph = new Graph("test");
  const source = new InputParameters(graph);
  define(graph, buildTdMpc2(new Parameters(source), spaces, config));
  return runGraph(graph, { ...Object.fromEntries(initializeParameters(source.specs.values(), 1)), ...inputs });
}

const random = (count: number, seed: number) => new Rng(seed).fillNormal(new Float32Array(count));

test("a model of several frames believes what the last observations show, and the first one stands for those before it", async () => {
  const config = { ...small, frames: 3 };
  const names = ["a", "b", "c"] as const;
  const seen = { a: random(3, 0), b: random(3, 1), c: random(3, 2) };
  const stack = (...order: (keyof typeof seen)[]) => Float32Array.from(order.flatMap((name) => [...seen[name]]));
  const inputs = { ...seen, cba: stack("c", "b", "a"), aaa: stack("a", "a", "a") };
  const { believed, expected, started, first } = await run(config, inputs, (graph, model) => {
    const [a, b, c] = names.map((name) => model.encode({}, graph.input(name, [1, 3])));
    const action = graph.constant([0.1, -0.2], [1, 2]);
    const begun = model.begin(a!);
    const later = model.observe(model.observe(begun, action, b!).latent, action, c!).latent;
    graph.output("believed", later);
    graph.output("started", begun);
    graph.output("expected", model.stateOf(graph.input("cba", [1, 9])));
    graph.output("first", model.stateOf(graph.input("aaa", [1, 9])));
  });
  assert.equal(believed!.length, latentSizeOf(spaces, config));
  assert.deepEqual(Array.from(believed!.subarray(0, 8)), Array.from(expected!));
  assert.deepEqual(Array.from(believed!.subarray(8)), [...seen.c, ...seen.b]);
  assert.deepEqual(Array.from(started!.subarray(0, 8)), Array.from(first!));
});

test("the state is a point on simplices", async () => {
  const { state } = await run(small, { x: random(3, 1) }, (graph, model) => {
    graph.output("state", model.encode({}, graph.input("x", [1, 3])));
  });
  for (const group of [state!.subarray(0, 4), state!.subarray(4)]) {
    assert.ok(Math.abs(group.reduce((sum, value) => sum + value, 0) - 1) < 1e-6 && group.every((value) => value > 0));
  }
});

test("actions that a task does not have are zero, drawn or not", async () => {
  const tasks = { actionSizes: [1, 2], embedding: 4 };
  const inputs = { z: random(8, 2), noise: random(2, 3) };
  const { drawn, mode } = await run({ ...small, tasks }, inputs, (graph, model) => {
    const z = graph.input("z", [1, 8]);
    graph.output("drawn", model.policy!(z, graph.input("noise", [1, 2])));
    graph.output("mode", model.policy!(z, undefined));
  });
  assert.notEqual(drawn![0], 0);
  assert.ok(drawn![1] === 0 && mode![1] === 0);
});

test("a model with nothing to sense is refused", () => {
  const nothing = { cameras: [], proprioceptionSize: 0, actionSize: 1 };
  const parameters = new Parameters(new InputParameters(new Graph("test")));
  assert.throws(() => buildTdMpc2(parameters, nothing, small), { code: "ERR_INVALID_ARGUMENT" });
});
