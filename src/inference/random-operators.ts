import protobuf from "onnx-proto";

const { onnx } = protobuf;

/** Operators of ONNX whose outputs differ from run to run. `Dropout` does nothing in inference. */
const RANDOM = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

interface GraphProto {
  readonly node?: readonly NodeProto[] | null;
}

interface NodeProto {
  readonly opType?: string | null;
  readonly attribute?:
    | readonly { readonly g?: GraphProto | null; readonly graphs?: readonly GraphProto[] | null }[]
    | null;
}

/** Names of the random operators in an ONNX file, in branches and loop bodies too. */
export function randomOperators(bytes: Uint8Array): string[] {
  const found = new Set<string>();
  const pending: GraphProto[] = [onnx.ModelProto.decode(bytes).graph ?? {}];
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    for (const { opType, attribute } of graph.node ?? []) {
      if (opType && RANDOM.has(opType)) found.add(opType);
      for (const { g, graphs } of attribute ?? []) pending.push(...(g ? [g] : []), ...(graphs ?? []));
    }
  }
  return [...found];
}
