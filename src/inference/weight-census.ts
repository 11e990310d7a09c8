import protobuf from "onnx-proto";
import { onnxGraphs } from "./onnx-graphs.ts";

type TensorProto = protobuf.onnx.ITensorProto;
const { DataType } = protobuf.onnx.TensorProto;

/** What an ONNX file holds as constants. */
export interface WeightCensus {
  readonly values: number;
  /** NaN anywhere, or an infinity in more than a single number: a mask may be filled with one infinite scalar. */
  readonly notFinite: number;
  /** The first tensor that holds such a value. */
  readonly where: string | undefined;
}

/** Counts the floating-point constants of an ONNX file: initializers and Constant nodes, in branches and loop bodies too. */
export function countWeights(bytes: Uint8Array): WeightCensus {
  let values = 0;
  let notFinite = 0;
  let where: string | undefined;
  for (const { initializer, node } of onnxGraphs(bytes)) {
    const constants = (node ?? []).flatMap(({ attribute }) => (attribute ?? []).flatMap(({ t }) => (t ? [t] : [])));
    for (const tensor of [...(initializer ?? []), ...constants]) {
      const found = floatsOf(tensor);
      let wrong = 0;
      for (const value of found) if (isWrong(value, found.length)) wrong++;
      values += found.length;
      notFinite += wrong;
      if (wrong > 0) where ??= tensor.name || "a constant";
    }
  }
  return { values, notFinite, where };
}

function isWrong(value: number, count: number): boolean {
  return Number.isNaN(value) || (count > 1 && !Number.isFinite(value));
}

/** The values of a float or double tensor; none for other element types. */
export function floatsOf({ dataType, rawData, floatData, doubleData }: TensorProto): readonly number[] | Float32Array {
  if (dataType === DataType.FLOAT) {
    if (floatData && floatData.length > 0) return floatData;
    return rawData ? new Float32Array(new Uint8Array(rawData).buffer) : [];
  }
  if (dataType !== DataType.DOUBLE) return [];
  if (doubleData && doubleData.length > 0) return doubleData;
  return rawData ? Array.from(new Float64Array(new Uint8Array(rawData).buffer)) : [];
}
