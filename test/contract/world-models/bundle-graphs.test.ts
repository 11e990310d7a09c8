import assert from "node:assert/strict";
import { test } from "node:test";
import { checkGraphContract, type GraphSignature } from "../../../src/config/graph-contract.ts";
import { Rng } from "../../../src/core/rng.ts";
import { elementCount } from "../../../src/core/tensor.ts";
import {
  ConstantParameters,
  Graph,
  InputParameters,
  initializeParameters,
  Parameters,
} from "../../../src/graph/index.ts";
import { LocalGraph } from "../../../src/learning/bundle/local-graph.ts";
import { mppi } from "../../../src/planners/mppi.ts";
import { bundleGraphs } from "../../../src/world-models/bundle-graphs.ts";
import { type ModelSpaces, WORLD_MODELS, type WorldModel } from "../../../src/world-models/index.ts";

const spaces: ModelSpaces = {
  cameras: [
    { name: "scene", width: 64, height: 64 },
    { name: "wrist", width: 64, height: 64 },
  ],
  proprioceptionSize: 4,
  actionSize: 2,
};
const HORIZON = 3;

type Values = Record<string, Float32Array | Uint8Array>;

async function runGraph(graph: Graph, inputs: Values): Promise<Readonly<Record<string, Float32Array | Uint8Array>>> {
  const session = await LocalGraph.open(graph.toOnnx());
  try {
    for (const [name, values] of Object.entries(inputs)) (session.inputs[name] as Float32Array).set(values);
    return (await session.run()) as Readonly<Record<string, Float32Array | Uint8Array>>;
  } finally {
    await session.close();
  }
}

/** The graphs of a fresh model, ready to run by name. */
function bundleOf(worldModel: WorldModel) {
  const config = { ...mppi.defaults, horizon: HORIZON, iterations: 2, candidates: 16, elites: 4 };
  const definitions = bundleGraphs({
    worldModel,
    config: worldModel.defaults,
    spaces,
    planning: { method: mppi, config, short: { iterations: 1 } },
    imagination: { sequences: 2, horizon: HORIZON },
  });
  const declared = new InputParameters(new Graph("declare"));
  for (const define of Object.values(definitions)) {
    const source = new InputParameters(new Graph("declare"));
    define(new Parameters(source));
    for (const [name, spec] of source.specs) declared.specs.set(name, spec);
  }
  const weights = initializeParameters(declared.specs.values(), 7);
  const graphs = Object.fromEntries(
    Object.entries(definitions).map(([name, define]) => {
      const graph = new Graph(name);
      define(new Parameters(new ConstantParameters(graph, weights)));
      return [name, graph];
    }),
  );
  const inputsOf = (name: string): Values => randomInputs(graphs[name]!, new Rng(1));
  return { graphs, inputsOf, run: (name: string, inputs: Values) => runGraph(graphs[name]!, inputs) };
}

function randomInputs(graph: Graph, rng: Rng): Values {
  return Object.fromEntries(
    graph.inputs.map(({ name, shape, dtype }) => {
      const count = elementCount(shape);
      const data =
        dtype === "uint8"
          ? Uint8Array.from({ length: count }, () => rng.integer(256))
          : rng.fillNormal(new Float32Array(count), 0.3);
      return [name, data];
    }),
  );
}

function signatureOf(graph: Graph): GraphSignature {
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name, value }) => ({ name, shape: value.shape, dtype: value.dtype })),
  };
}

const allFinite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite);

for (const [name, worldModel] of Object.entries(WORLD_MODELS)) {
  const { graphs, inputsOf, run } = bundleOf(worldModel);
  const latentSize = graphs.observe!.inputs.find((input) => input.name === "latent")!.extent(1);

  test(`${name}: its graphs keep the bundle contract`, () => {
    const signatures = Object.fromEntries(Object.entries(graphs).map(([graph, built]) => [graph, signatureOf(built)]));
    const sizes = { cameras: spaces.cameras, proprioception: 4, action: 2, latent: latentSize };
    assert.deepEqual(checkGraphContract(signatures, sizes), []);
  });

  test(`${name}: every output is finite`, async () => {
    for (const graph of Object.keys(graphs)) {
      for (const [output, values] of Object.entries(await run(graph, inputsOf(graph)))) {
        assert.ok(allFinite(values as Float32Array), `${graph}.${output}`);
      }
    }
  });

  test(`${name}: the first observation forgets the latent, whatever it held, and is no surprise`, async () => {
    const inputs = inputsOf("observe");
    const first = { ...inputs, is_first: Float32Array.of(1) };
    const other = { ...first, latent: new Float32Array(latentSize).fill(Number.NaN) };
    const [a, b] = [await run("observe", first), await run("observe", other)];
    assert.deepEqual(a.latent_out, b.latent_out);
    assert.deepEqual([a.surprise![0], b.surprise![0]], [0, 0]);
  });

  test(`${name}: a later observation may surprise`, async () => {
    const { surprise } = await run("observe", { ...inputsOf("observe"), is_first: Float32Array.of(0) });
    assert.ok(surprise![0]! > 0);
  });

  test(`${name}: the embedding hangs on every camera and on the proprioception`, async () => {
    const inputs = inputsOf("encode");
    const { embedding } = await run("encode", inputs);
    for (const input of Object.keys(inputs)) {
      const changed = { ...inputs, [input]: inputs[input]!.map((value) => value / 2) };
      assert.notDeepEqual((await run("encode", changed)).embedding, embedding, input);
    }
  });

  test(`${name}: imagined latents follow from those before them, for each sequence by itself`, async () => {
    const inputs = inputsOf("imagine");
    const { latents, rewards } = await run("imagine", inputs);
    const row = (values: ArrayLike<number>, i: number, size: number) =>
      Array.from(values).slice(i * size, (i + 1) * size);
    const oneLater = { latent: Float32Array.from(row(latents!, 0, latentSize)), actions: inputs.actions!.slice() };
    oneLater.actions.set((inputs.actions as Float32Array).subarray(2, 6)); // sequence 0, shifted by one step
    const again = await run("imagine", oneLater);
    for (const step of [0, 1]) {
      closeTo(row(again.latents!, step, latentSize), row(latents!, step + 1, latentSize));
      closeTo(row(again.rewards!, step, 1), row(rewards!, step + 1, 1));
    }
  });

  test(`${name}: a plan without time in flight ignores the action in flight`, async () => {
    const inputs = { ...inputsOf("plan"), in_flight_fraction: Float32Array.of(0) };
    const other = { ...inputs, in_flight_action: Float32Array.of(-1, 1) };
    assert.deepEqual(await run("plan", other), await run("plan", inputs));
  });

  test(`${name}: a plan with one step in flight is the plan from the latent one step later`, async () => {
    const inputs: Values = { ...inputsOf("plan"), in_flight_fraction: Float32Array.of(1) };
    const imagine = inputsOf("imagine");
    imagine.actions!.set(inputs.in_flight_action as Float32Array);
    const { latents } = await run("imagine", { ...imagine, latent: inputs.latent! });
    const later = await run("plan", {
      ...inputs,
      latent: (latents as Float32Array).slice(0, latentSize),
      in_flight_fraction: Float32Array.of(0),
    });
    const { actions } = await run("plan", inputs);
    closeTo(actions!, later.actions!);
  });

  test(`${name}: actions lie in [-1, 1]`, async () => {
    for (const graph of ["plan", "plan_short"]) {
      const { actions } = await run(graph, {
        ...inputsOf(graph),
        previous_mean: new Float32Array(HORIZON * 2).fill(3),
      });
      assert.ok((actions as Float32Array).every((action) => Math.abs(action) <= 1));
    }
  });

  if (worldModel.decodes) {
    test(`${name}: an image is decoded from its own latent alone`, async () => {
      const inputs = inputsOf("decode");
      const decoded = await run("decode", inputs);
      const changed = inputs.latent!.slice();
      changed.set(new Float32Array(latentSize).fill(0.9), latentSize); // the second of the batch
      const again = await run("decode", { latent: changed });
      for (const { name: camera } of spaces.cameras) {
        const [before, after] = [decoded[`image_${camera}`]!, again[`image_${camera}`]!];
        const bytes = 64 * 64 * 3;
        assert.deepEqual(after.slice(0, bytes), before.slice(0, bytes));
        assert.notDeepEqual(after.slice(bytes, 2 * bytes), before.slice(bytes, 2 * bytes));
      }
    });
  }
}

function closeTo(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(actual[i]! - expected[i]!) <= tolerance, `${actual[i]} and ${expected[i]} at ${i}`);
  }
}
