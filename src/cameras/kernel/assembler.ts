/**
 * A small assembler for the WebAssembly instructions that the image kernels need.
 *
 * Kernels are assembled when an image path is built, unrolled for its number of taps, because JavaScript has no vector
 * arithmetic. Each function below returns the bytes of its operands followed by those of its instruction, so that a
 * kernel reads as nested expressions.
 * Source: WebAssembly Core Specification 2.0, chapter 5 (binary format).
 */
export type Code = readonly number[];
export type ValueType = "i32" | "v128";

const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, v128: 0x7b };
const SIMD_PREFIX = 0xfd;
const VOID_BLOCK = 0x40;
/** Unaligned access is allowed everywhere: this is only a hint. */
const BYTE_ALIGNED = 0;

function unsigned(value: number): number[] {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

function signed(value: number): number[] {
  const bytes = [];
  for (; value > 63 || value < -64; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value & 0x7f];
}

const plain = (opcode: number) => (a: Code, b: Code) => [...a, ...b, opcode];
const simd = (opcode: number, ...immediates: number[]) => [SIMD_PREFIX, ...unsigned(opcode), ...immediates];
const unary = (opcode: number) => (a: Code) => [...a, ...simd(opcode)];
const binary = (opcode: number) => (a: Code, b: Code) => [...a, ...b, ...simd(opcode)];
const load = (opcode: number) => (address: Code, offset: number) => [
  ...address,
  ...simd(opcode, BYTE_ALIGNED, ...unsigned(offset)),
];
const bytesOf = (values: Int16Array | Int32Array | Float32Array) => [...new Uint8Array(values.buffer)];

export const local = {
  get: (index: number): Code => [0x20, ...unsigned(index)],
  set: (index: number, value: Code): Code => [...value, 0x21, ...unsigned(index)],
};

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: plain(0x6a),
  mul: plain(0x6c),
  /** Of unsigned numbers. */
  lessThan: plain(0x49),
  load16: (address: Code, offset: number): Code => [...address, 0x2f, BYTE_ALIGNED, ...unsigned(offset)],
};

export const v128 = {
  load: load(0x00),
  /** The lower 8 bytes; the upper ones are 0. */
  load64: load(0x5d),
  /** The same 4 bytes in every lane. */
  load32Splat: load(0x09),
  store: (address: Code, value: Code, offset: number): Code => [
    ...address,
    ...value,
    ...simd(0x0b, BYTE_ALIGNED, ...unsigned(offset)),
  ],
  /** Stores the lowest 4 bytes. */
  store32: (address: Code, value: Code): Code => [...address, ...value, ...simd(0x5a, BYTE_ALIGNED, 0, 0)],
  const: (lanes: Int16Array | Int32Array | Float32Array): Code => simd(0x0c, ...bytesOf(lanes)),
  constBytes: (bytes: readonly number[]): Code => simd(0x0c, ...bytes),
  not: unary(0x4d),
  /** Bits of `a` where the mask is 1, else of `b`. */
  bitselect: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...simd(0x52)],
};

export const i8x16 = {
  /** Bytes picked from `a` (0–15) and `b` (16–31). */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [...a, ...b, ...simd(0x0d, ...lanes)],
  /** (a + b + 1) >> 1 */
  averageRoundingUp: binary(0x7b),
  narrowUnsigned: binary(0x66),
};

export const i16x8 = { narrowSigned: binary(0x85) };

export const i32x4 = {
  add: binary(0xae),
  shiftRight: (a: Code, bits: number): Code => [...a, ...i32.const(bits), ...simd(0xac)],
  /** a₀·b₀ + a₁·b₁ of each pair of 16-bit lanes. */
  dot: binary(0xba),
  roundFloat: (a: Code): Code => [...a, ...simd(0x6a), ...simd(0xf8)],
};

export const f32x4 = { fromInt: unary(0xfa), add: binary(0xe4), mul: binary(0xe6) };

/** Runs the body, and again while the condition after it holds. */
export function repeatWhile(body: Code, condition: Code): Code {
  return [0x03, VOID_BLOCK, ...body, ...condition, 0x0d, 0, 0x0b];
}

export interface KernelCode {
  /** Number of i32 parameters: locals 0 … parameters - 1. */
  readonly parameters: number;
  /** Types of the further locals. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

export type Kernel = (...parameters: number[]) => void;
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export const PAGE_BYTES = 65536;

/** The part of the JavaScript API that we use; TypeScript declares it only together with the browser's. */
interface WebAssemblyApi {
  Memory: new (limits: { initial: number }) => KernelMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: { host: { memory: KernelMemory } },
  ) => { readonly exports: { readonly kernel: Kernel } };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

export function allocateMemory(bytes: number): KernelMemory {
  return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
}

const named = (name: string) => [...unsigned(name.length), ...Buffer.from(name)];
const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content];

/** Compiles one function that works on the given memory. */
export function compileKernel({ parameters, locals, body }: KernelCode, memory: KernelMemory): Kernel {
  const declared = [...unsigned(locals.length), ...locals.flatMap((type) => [1, VALUE_TYPES[type]])];
  const code = [...declared, ...body, 0x0b];
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, ...unsigned(parameters), ...new Array<number>(parameters).fill(VALUE_TYPES.i32), 0]),
    ...section(2, [1, ...named("host"), ...named("memory"), 0x02, 0, 0]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...named("kernel"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ];
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module, { host: { memory } }).exports.kernel;
}
