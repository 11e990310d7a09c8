import protobuf from "onnx-proto";
import { messageOf } from "../core/errors.ts";
import { OnnxSession } from "./onnx-session.ts";
import type { Provider } from "./placement.ts";

/*
 * A program of its own: `node probe-provider.js <provider>` runs one small graph there and prints { "failure": string | null }.
 * A provider whose driver is broken may abort its process; this one may die of it.
 */

const SIZE = 8;
const signature = {
  inputs: [{ name: "x", shape: [SIZE, SIZE], dtype: "float32" }],
  outputs: [{ name: "y", shape: [SIZE, SIZE], dtype: "float32" }],
} as const;

/** y = x·x */
function squareModel(): Uint8Array {
  const { onnx } = protobuf;
  const dim = [{ dimValue: SIZE }, { dimValue: SIZE }];
  const tensor = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim } } } });
  const node = [{ opType: "MatMul", input: ["x", "x"], output: ["y"] }];
  const graph = { name: "square", node, input: [tensor("x")], output: [tensor("y")] };
  return new Uint8Array(
    onnx.ModelProto.encode({ irVersion: 7, opsetImport: [{ domain: "", version: 13 }], graph }).finish(),
  );
}

async function failureOf(provider: Provider): Promise<string | null> {
  try {
    const session = await OnnxSession.open("probe", squareModel(), signature, { provider, threads: 1 });
    session.inputs.x!.fill(0.5 as never);
    await session.run();
    const wrong = session.outputs.y!.findIndex((value) => Math.abs(Number(value) - SIZE / 4) > 1e-3);
    await session.close();
    return wrong < 0 ? null : "it computes wrong numbers";
  } catch (thrown) {
    return messageOf(thrown);
  }
}

process.stdout.write(`${JSON.stringify({ failure: await failureOf(process.argv[2] as Provider) })}\n`);
