import type { DType, TensorData } from "../core/tensor.ts";

export type ConstantValues = readonly number[] | TensorData;

/** The values as a typed array of the element type; an array of the right type is used as it is. */
export function toTensorData(values: ConstantValues, dtype: DType): TensorData {
  switch (dtype) {
    case "float32":
      return values instanceof Float32Array ? values : Float32Array.from(values as readonly number[]);
    case "int64":
      return values instanceof BigInt64Array ? values : BigInt64Array.from(values as readonly number[], BigInt);
    case "int32":
      return values instanceof Int32Array ? values : Int32Array.from(values as readonly number[]);
    case "uint8":
    case "bool":
      return values instanceof Uint8Array ? values : Uint8Array.from(values as readonly number[]);
  }
}
