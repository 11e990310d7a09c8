import assert from "node:assert/strict";
import { test } from "node:test";
import type { TensorSpec } from "../../../src/core/tensor.ts";
import { OnnxSession } from "../../../src/inference/onnx-session.ts";
import { encodeModel, type ModelSource } from "../../support/onnx-model.ts";
import { sampleModel } from "../../support/sample-bundle.ts";

const CPU = { provider: "cpu", threads: 1 } as const;
const act = sampleModel("act");

const open = (model: ModelSource, signature: Pick<ModelSource, "inputs" | "outputs">) =>
  OnnxSession.open("act", encodeModel(model), signature, CPU);

const renamed = (specs: readonly TensorSpec[], change: Partial<TensorSpec>): TensorSpec[] =>
  specs.map((spec, i) => (i === 0 ? { ...spec, ...change } : spec));

test("a session computes its graph into arrays that stay the same", async () => {
  const session = await open(act, act);
  const { latent, noise } = session.inputs as Record<string, Float32Array>;
  const { action } = session.outputs as Record<string, Float32Array>;
  latent!.fill(0);
  noise!.set([0.5, -0.5]);
  await session.run();
  assert.deepEqual(
    [...action!].map((value) => value.toFixed(6)),
    [0.5, -0.5].map((value) => Math.tanh(value).toFixed(6)),
  );
  noise!.fill(0);
  await session.run();
  assert.deepEqual([...(session.outputs.action as Float32Array)], [0, 0]);
  assert.equal(session.outputs.action, action);
  await session.close();
});

test("an extent that the file leaves open takes the manifest's number", async () => {
  const session = await open({ ...act, openExtents: [1] }, act);
  assert.equal(session.inputs.latent!.length, 6);
  await session.close();
});

const mismatches: readonly [rule: string, signature: Pick<ModelSource, "inputs" | "outputs">, message: RegExp][] = [
  [
    "an input of another name",
    { ...act, inputs: renamed(act.inputs, { name: "state" }) },
    /input 'latent' of the file to be in the manifest.*'state', 'noise'/,
  ],
  [
    "an input of another shape",
    { ...act, inputs: renamed(act.inputs, { shape: [1, 7] }) },
    /input 'latent' of shape \[1, 7\] but the file says \[1, 6\]/,
  ],
  [
    "an input of another rank",
    { ...act, inputs: renamed(act.inputs, { shape: [6] }) },
    /input 'latent' of shape \[6\] but the file says \[1, 6\]/,
  ],
  [
    "an input of another element type",
    { ...act, inputs: renamed(act.inputs, { dtype: "uint8" }) },
    /input 'latent' to be uint8 but the file says float32/,
  ],
  [
    "a missing output",
    { ...act, outputs: [...act.outputs, { name: "value", shape: [1], dtype: "float32" }] },
    /output 'value' in the file but it has 'action'/,
  ],
];
for (const [rule, signature, message] of mismatches) {
  test(`${rule} is a mismatch that names it`, async () => {
    await assert.rejects(open(act, signature), { code: "ERR_GRAPH_MISMATCH", message });
  });
}

test("a file that is cut off or no ONNX at all is unreadable", async () => {
  const bytes = encodeModel(act);
  for (const broken of [bytes.subarray(0, bytes.length >> 1), new Uint8Array(100).fill(7), new Uint8Array(0)]) {
    await assert.rejects(OnnxSession.open("act", broken, act, CPU), {
      code: "ERR_GRAPH_UNREADABLE",
      message: /graph 'act'/,
    });
  }
});

test("an operator that onnxruntime does not know is named", async () => {
  const odd = { ...act, operations: [{ type: "Teleport", inputs: ["latent"], output: "action" }] };
  await assert.rejects(open(odd, act), { code: "ERR_GRAPH_UNREADABLE", message: /Teleport/ });
});
