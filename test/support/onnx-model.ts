import protobuf from "onnx-proto";
import { type DType, elementCount, type TensorSpec } from "../../src/core/tensor.ts";

const { onnx } = protobuf;

const ELEMENT_TYPES: Readonly<Record<DType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

export interface Operation {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  /** Operations of the loop's body. */
  readonly body?: readonly Operation[];
}

export interface ModelSource {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly operations: readonly Operation[];
  readonly constants?: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] | Float32Array }>
  >;
  /** Extents that the file leaves open, wherever they occur. */
  readonly openExtents?: readonly number[];
  readonly int64Constants?: Readonly<Record<string, readonly number[]>>;
}

/** A whole ONNX file (opset 13) from a list of operations, for tests that need a small real model. */
export function encodeModel({
  inputs,
  outputs,
  operations,
  constants = {},
  openExtents = [],
  int64Constants = {},
}: ModelSource): Uint8Array {
  const floats = Object.entries(constants).map(([name, { shape, data }]) => ({
    name,
    dims: [...shape],
    dataType: ELEMENT_TYPES.float32,
    rawData: new Uint8Array(Float32Array.from(data).buffer),
  }));
  const integers = Object.entries(int64Constants).map(([name, data]) => ({
    name,
    dims: [data.length],
    dataType: ELEMENT_TYPES.int64,
    rawData: new Uint8Array(BigInt64Array.from(data, BigInt).buffer),
  }));
  const model = {
    irVersion: 7,
    opsetImport: [{ domain: "", version: 13 }],
    graph: {
      name: "test",
      input: inputs.map((spec) => valueInfo(spec, openExtents)),
      output: outputs.map((spec) => valueInfo(spec, openExtents)),
      initializer: [...floats, ...integers],
      node: operations.map(nodeOf),
    },
  };
  return new Uint8Array(onnx.ModelProto.encode(model).finish());
}

/** Weights that differ from each other and stay small. */
export function weights(...shape: number[]): { shape: number[]; data: Float32Array } {
  return { shape, data: Float32Array.from({ length: elementCount(shape) }, (_, i) => 0.3 * Math.sin(1 + i * 1.7)) };
}

function valueInfo({ name, shape, dtype }: TensorSpec, openExtents: readonly number[]) {
  const dim = shape.map((extent) => (openExtents.includes(extent) ? { dimParam: "open" } : { dimValue: extent }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[dtype], shape: { dim } } } };
}

function nodeOf({ type, inputs, output, attributes = {}, body }: Operation): protobuf.onnx.INodeProto {
  const loopBody = {
    name: "body",
    type: onnx.AttributeProto.AttributeType.GRAPH,
    g: { name: "body", node: body?.map(nodeOf) ?? [] },
  };
  return {
    opType: type,
    input: [...inputs],
    output: [output],
    attribute: [
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ...(body ? [loopBody] : []),
    ],
  };
}

function attribute(name: string, value: number | readonly number[]) {
  const { INT, INTS } = onnx.AttributeProto.AttributeType;
  return typeof value === "number" ? { name, type: INT, i: value } : { name, type: INTS, ints: [...value] };
}
