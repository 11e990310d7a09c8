import type { GraphSignature } from "../config/graph-contract.ts";
import { allocateData, BYTES_PER_ELEMENT, elementCount, type TensorData, type TensorSpec } from "../core/tensor.ts";

/** Words of a graph's control block. */
export const WORD = { state: 0, completed: 1, ticket: 2, failed: 3, errorLength: 4 } as const;

/**
 * Life of a call. The caller moves idle → queued, and gives up by queued → idle or running → abandoned;
 * the worker moves queued → running → writing → idle, and abandoned → idle without touching the outputs.
 */
export const STATE = { idle: 0, queued: 1, running: 2, abandoned: 3, writing: 4 } as const;

/** Elements of `times`, in nanoseconds of the monotonic clock. */
export const TIME = { began: 0, ended: 1 } as const;

const CONTROL_WORDS = 8;
const ERROR_BYTES = 1024;
/** Tensors start on cache lines. */
const ALIGNMENT = 64;

/** One graph's memory that caller and worker share: control words, times, the last error's text, inputs, outputs. */
export interface SharedGraph {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly times: Float64Array<SharedArrayBuffer>;
  readonly error: Uint8Array<SharedArrayBuffer>;
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, TensorData>>;
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const bytesOf = ({ dtype, shape }: TensorSpec): number => aligned(elementCount(shape) * BYTES_PER_ELEMENT[dtype]);

const TIMES_OFFSET = aligned(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT);
const ERROR_OFFSET = TIMES_OFFSET + ALIGNMENT;
const TENSORS_OFFSET = ERROR_OFFSET + ERROR_BYTES;

export function allocateSharedGraph({ inputs, outputs }: GraphSignature): SharedArrayBuffer {
  return new SharedArrayBuffer([...inputs, ...outputs].reduce((bytes, spec) => bytes + bytesOf(spec), TENSORS_OFFSET));
}

/** The views on a graph's memory: the same on both sides, from the same signature. */
export function viewSharedGraph(buffer: SharedArrayBuffer, { inputs, outputs }: GraphSignature): SharedGraph {
  let offset = TENSORS_OFFSET;
  const viewOf = (spec: TensorSpec): [string, TensorData] => {
    const view = allocateData(spec.dtype, elementCount(spec.shape), buffer, offset);
    offset += bytesOf(spec);
    return [spec.name, view];
  };
  return {
    control: new Int32Array(buffer, 0, CONTROL_WORDS),
    times: new Float64Array(buffer, TIMES_OFFSET, 2),
    error: new Uint8Array(buffer, ERROR_OFFSET, ERROR_BYTES),
    inputs: Object.fromEntries(inputs.map(viewOf)),
    outputs: Object.fromEntries(outputs.map(viewOf)),
  };
}

export function writeError({ control, error }: SharedGraph, message: string): void {
  const bytes = new TextEncoder().encode(message).subarray(0, ERROR_BYTES); // encodeInto refuses shared memory
  error.set(bytes);
  Atomics.store(control, WORD.errorLength, bytes.length);
  Atomics.store(control, WORD.failed, 1);
}

export function readError({ control, error }: SharedGraph): string {
  return new TextDecoder().decode(error.slice(0, Atomics.load(control, WORD.errorLength)));
}
