import assert from "node:assert/strict";
import { test } from "node:test";
import { randomOperators } from "../../../src/inference/random-operators.ts";
import { encodeModel } from "../../support/onnx-model.ts";
import { sampleModel } from "../../support/sample-bundle.ts";

test("a graph that draws its own noise is found out", () => {
  const act = sampleModel("act");
  assert.deepEqual(randomOperators(encodeModel(act)), []);
  const drawing = { type: "RandomNormalLike", inputs: ["noise"], output: "drawn" };
  assert.deepEqual(randomOperators(encodeModel({ ...act, operations: [drawing, ...act.operations] })), [
    "RandomNormalLike",
  ]);
});

test("a draw inside a loop's body is found too", () => {
  const draw = { type: "Multinomial", inputs: ["p"], output: "k" };
  const loop = { type: "Loop", inputs: ["n"], output: "y", body: [draw] };
  assert.deepEqual(randomOperators(encodeModel({ ...sampleModel("act"), operations: [loop] })), ["Multinomial"]);
});
