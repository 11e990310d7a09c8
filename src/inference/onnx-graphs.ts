import protobuf from "onnx-proto";

const { onnx } = protobuf;

/** What of a graph in an ONNX file we look at. */
export interface GraphProto {
  readonly node?: readonly NodeProto[] | null;
  readonly initializer?: readonly protobuf.onnx.ITensorProto[] | null;
}

export interface NodeProto {
  readonly opType?: string | null;
  readonly attribute?:
    | readonly {
        readonly g?: GraphProto | null;
        readonly graphs?: readonly GraphProto[] | null;
        readonly t?: protobuf.onnx.ITensorProto | null;
      }[]
    | null;
}

/** The graph of an ONNX file and those of its branches and loop bodies. */
export function onnxGraphs(bytes: Uint8Array): GraphProto[] {
  const found: GraphProto[] = [onnx.ModelProto.decode(bytes).graph ?? {}];
  for (let i = 0; i < found.length; i++) {
    for (const { attribute } of found[i]!.node ?? []) {
      for (const { g, graphs } of attribute ?? []) found.push(...(g ? [g] : []), ...(graphs ?? []));
    }
  }
  return found;
}
