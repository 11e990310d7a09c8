import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { manifestSchema } from "../../../src/config/manifest.ts";
import { Rng } from "../../../src/core/rng.ts";
import {
  add,
  concat,
  linear,
  mean,
  mul,
  type Parameters,
  square,
  sub,
  tanh,
  uniformFanIn,
} from "../../../src/graph/index.ts";
import { type BundleContents, exportBundle } from "../../../src/learning/bundle/export-bundle.ts";
import { readParity } from "../../../src/learning/bundle/parity-file.ts";

const E = 5;
const L = 4;
const A = 2;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentloop-export-"));
});
after(() => rm(folder, { recursive: true }));

const weight = (parameters: Parameters, name: string, inputs: number, outputs: number) =>
  parameters.get(name, { shape: [inputs, outputs], initializer: uniformFanIn });

function encode(parameters: Parameters): void {
  const proprioception = parameters.graph.input("proprioception", [1, 1]);
  parameters.graph.output("embedding", tanh(linear(proprioception, weight(parameters, "encoder", 1, E))));
}

function observe(parameters: Parameters): void {
  const { graph } = parameters;
  const [latent, action] = [graph.input("latent", [1, L]), graph.input("action", [1, A])];
  const [embedding, isFirst] = [graph.input("embedding", [1, E]), graph.input("is_first", [1, 1])];
  const kept = mul(latent, sub(1, isFirst));
  const next = tanh(linear(concat([kept, action, embedding]), weight(parameters, "dynamics", L + A + E, L)));
  graph.output("latent_out", next);
  graph.output("surprise", mean(square(sub(next, kept)), 1));
}

function act(parameters: Parameters): void {
  const { graph } = parameters;
  const [latent, noise] = [graph.input("latent", [1, L]), graph.noiseInput("noise", [1, A])];
  graph.output("action", tanh(add(linear(latent, weight(parameters, "actor", L, A)), mul(noise, 0.1))));
}

function contents(changes: Partial<BundleContents["graphs"]> = {}): BundleContents {
  const rng = new Rng(2);
  const sizes = { encoder: E, dynamics: (L + A + E) * L, actor: L * A };
  const parameters = Object.entries(sizes).map(
    ([name, size]) => [name, rng.fillNormal(new Float32Array(size))] as const,
  );
  return {
    graphs: { encode, observe, act, ...changes },
    parameters: new Map(parameters),
    manifest: {
      name: "toy",
      algorithm: { name: "toy", hyperparameters: { latent: L } },
      observation: { cameras: [], proprioception: [{ name: "shoulder.position", offset: 0, scale: 1 }] },
      action: { dimensions: ["a", "b"].map((name) => ({ name, unit: "rad/s" as const, low: -1, high: 1 })) },
      policyRateHz: 10,
      latentSize: L,
      surpriseLimit: null,
      training: { data: [{ source: "none", sha256: null, episodes: 0, steps: 0 }], command: "none", seed: 2 },
      evaluation: [],
      licence: "Apache-2.0",
    },
  };
}

test("a bundle has a valid manifest that lists every graph with its hash and tensors, and a sample to check them by", async () => {
  const path = join(folder, "whole");
  const { manifest, agreements } = await exportBundle(path, contents());
  const files = ["act.onnx", "encode.onnx", "manifest.json", "observe.onnx", "parity.safetensors"];
  assert.deepEqual((await readdir(path)).sort(), files);
  const { outputs: sampled } = (await readParity(join(path, "parity.safetensors"))).get("observe")!;
  assert.deepEqual(
    [...sampled.keys()],
    manifest.graphs.observe.outputs.map(({ name }) => name),
  );
  assert.deepEqual(manifestSchema.parse(JSON.parse(await readFile(join(path, "manifest.json"), "utf8"))), manifest);
  const { file, sha256, outputs } = manifest.graphs.observe;
  assert.equal(
    createHash("sha256")
      .update(await readFile(join(path, file)))
      .digest("hex"),
    sha256,
  );
  assert.deepEqual(outputs[1], { name: "surprise", shape: [1], dtype: "float32" });
  assert.deepEqual(
    agreements.map(({ graph }) => graph),
    ["encode", "observe", "act"],
  );
  for (const { maxRelativeError } of agreements) assert.ok(maxRelativeError < 1e-5);
});

test("a folder that exists is left alone", async () => {
  const path = join(folder, "taken");
  await exportBundle(path, contents());
  const before = await readFile(join(path, "manifest.json"));
  await assert.rejects(exportBundle(path, contents()), { code: "ERR_BUNDLE_EXISTS" });
  assert.deepEqual(await readFile(join(path, "manifest.json")), before);
});

test("a graph that computes something else than in training is not exported", async () => {
  let built = 0;
  const drifting = (parameters: Parameters) => {
    const { graph } = parameters;
    const latent = mul(graph.input("latent", [1, L]), 1 + 0.01 * built++);
    graph.noiseInput("noise", [1, A]);
    graph.output("action", tanh(linear(latent, weight(parameters, "actor", L, A))));
  };
  await assert.rejects(exportBundle(join(folder, "drifting"), contents({ act: drifting })), {
    code: "ERR_EXPORT_MISMATCH",
    message: /^Expected act\.onnx to compute .* but "action" is off by 0\.0/,
  });
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("drifting")),
    [],
  );
});

test("a graph with an output that is NaN is not exported, whatever its other outputs are", async () => {
  const { parameters, ...rest } = contents({
    encode(parameters) {
      encode(parameters);
      parameters.graph.output("more", tanh(weight(parameters, "actor", L, A)));
    },
  });
  parameters.get("encoder")![0] = Number.NaN;
  await assert.rejects(exportBundle(join(folder, "not-a-number"), { parameters, ...rest }), {
    code: "ERR_EXPORT_MISMATCH",
    message: /encode\.onnx .* "embedding" is off by NaN/,
  });
});

test("a graph that breaks the contract, or asks for an unknown parameter, leaves nothing behind", async () => {
  const twoRows = (parameters: Parameters) => {
    const latent = parameters.graph.input("latent", [2, L]);
    parameters.graph.noiseInput("noise", [1, A]);
    parameters.graph.output("action", linear(latent, weight(parameters, "actor", L, A)));
  };
  await assert.rejects(exportBundle(join(folder, "broken"), contents({ act: twoRows })), {
    code: "ERR_INVALID_VALUE",
    message: /Expected \[1, L\] = \[1, 4\] for 'latent'/,
  });
  const unknown = (parameters: Parameters) => {
    const latent = parameters.graph.input("latent", [1, L]);
    parameters.graph.output("action", linear(latent, weight(parameters, "critic", L, A)));
  };
  await assert.rejects(exportBundle(join(folder, "broken"), contents({ act: unknown })), {
    code: "ERR_UNKNOWN_PARAMETER",
    message: /"critic"/,
  });
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("broken")),
    [],
  );
});
