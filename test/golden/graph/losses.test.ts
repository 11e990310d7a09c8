import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Graph, gradients, InputParameters, Parameters, type Step, TARGET_PREFIX } from "../../../src/graph/index.ts";
import { evaluate } from "../../unit/graph/runtime.ts";
import { data, unit, weights } from "./fill.ts";
import { LOSSES } from "./losses.ts";

interface Golden {
  readonly tolerance: number;
  readonly losses: Readonly<
    Record<string, { loss: number; gradients: Record<string, { shape: number[]; norm: number; projection: number }> }>
  >;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../../test/golden/graph/losses.json", import.meta.url), "utf8"),
);

/** Gradients below this share of the largest are zero but for rounding, such as that of a key's bias in attention. */
const ZERO_SHARE = 1e-3;

/** A step that only lets a loss declare its inputs. */
function lossOnly(source: InputParameters): Step {
  const { graph } = source;
  return {
    graph,
    parameters: new Parameters(source),
    field: (name, shape, dtype) => graph.input(name, shape, dtype),
    noise: (name, shape, kind) => graph.noiseInput(name, shape, kind),
    carried: (name, shape) => graph.input(name, shape),
    carry: () => {},
    minimize: () => new Parameters(source),
    trackTargets: () => {},
    metric: () => {},
  };
}

describe("a loss and its gradients equal PyTorch's", () => {
  for (const [name, expected] of Object.entries(golden.losses)) {
    test(name, async () => {
      const graph = new Graph(name);
      const source = new InputParameters(graph);
      const loss = LOSSES[name]!(lossOnly(source));
      const specs = [...source.specs.values()];
      graph.output("loss", loss);
      const parameters = specs.map((spec) => graph.inputs.find((input) => input.name === spec.name)!);
      for (const [i, gradient] of gradients(loss, parameters).entries()) {
        graph.output(`gradient/${specs[i]!.name}`, gradient);
      }
      const feeds = graph.inputs.map(({ name, shape, dtype }) => {
        const trained = source.specs.has(name) || name.startsWith(TARGET_PREFIX);
        if (trained) return [name, weights(name, shape)];
        return [
          name,
          graph.noise.get(name) === "uniform" ? Float32Array.from(unit(name, shape)) : data(name, shape, dtype),
        ];
      });
      const results = await evaluate(graph, Object.fromEntries(feeds));
      const near = (actual: number, wanted: number, scale: number, what: string) =>
        assert.ok(Math.abs(actual - wanted) <= golden.tolerance * scale, `${what}: ${actual} instead of ${wanted}`);
      near(results.loss![0]!, expected.loss, Math.abs(expected.loss), "loss");
      assert.deepEqual(specs.map((spec) => spec.name).sort(), Object.keys(expected.gradients).sort());
      const largest = Math.max(...Object.values(expected.gradients).map((gradient) => gradient.norm));
      for (const { name: parameter, shape } of specs) {
        const wanted = expected.gradients[parameter]!;
        assert.deepEqual(shape, wanted.shape);
        const gradient = results[`gradient/${parameter}`]!;
        const direction = unit(`direction/${parameter}`, shape).map((u) => 2 * u - 1);
        const projection = gradient.reduce((total, value, i) => total + value * direction[i]!, 0);
        const scale = Math.max(wanted.norm, ZERO_SHARE * largest);
        near(Math.hypot(...gradient), wanted.norm, scale, `norm of the gradient of ${parameter}`);
        near(projection, wanted.projection, scale, `projection of the gradient of ${parameter}`);
      }
    });
  }
});
