import { LatentloopError } from "./errors.ts";

/** Element types that cross a border: names as in ONNX and safetensors' Node readers. */
export type DType = "float32" | "uint8" | "int32" | "int64" | "bool";

interface ArrayOf {
  float32: Float32Array;
  uint8: Uint8Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
}

export type TensorData = ArrayOf[DType];
export type Shape = readonly number[];

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = { float32: 4, uint8: 1, int32: 4, int64: 8, bool: 1 };

const CONSTRUCTORS: Readonly<
  Record<DType, new (buffer: ArrayBufferLike, byteOffset: number, count: number) => TensorData>
> = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array };

export interface TensorSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A dense row-major tensor. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: ArrayOf[D];
}

export function elementCount(shape: Shape): number {
  let count = 1;
  for (const extent of shape) count *= extent;
  return count;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** A zero-filled array of the element type, over `buffer` when one is given. */
export function allocateData<D extends DType>(
  dtype: D,
  count: number,
  buffer: ArrayBufferLike = new ArrayBuffer(count * BYTES_PER_ELEMENT[dtype]),
  byteOffset = 0,
): ArrayOf[D] {
  return new CONSTRUCTORS[dtype](buffer, byteOffset, count) as ArrayOf[D];
}

/**
 * A tensor over the given data, or zeros.
 * @throws ERR_SHAPE_MISMATCH if the data has another length than the shape
 */
export function makeTensor<D extends DType>(dtype: D, shape: Shape, data?: ArrayOf[D]): Tensor<D> {
  const count = elementCount(shape);
  const values = data ?? allocateData(dtype, count);
  if (values.length !== count) {
    throw new LatentloopError(
      "ERR_SHAPE_MISMATCH",
      `Expected ${count} elements for a tensor of shape ${formatShape(shape)} but received ${values.length}.`,
    );
  }
  return { dtype, shape, data: values };
}
