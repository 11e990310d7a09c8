import { readFile } from "node:fs/promises";
import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import {
  allocateData,
  BYTES_PER_ELEMENT,
  type DType,
  elementCount,
  formatShape,
  type Tensor,
} from "../../core/tensor.ts";

/** The contents of one safetensors file: tensors by name, and free text by key. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Our element types under their names in the format, widest alignment first: the order of the data section. */
const FORMAT_NAMES: Readonly<Record<DType, string>> = {
  int64: "I64",
  float32: "F32",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
};
const DTYPES = Object.keys(FORMAT_NAMES) as DType[];
const dtypeOf = new Map(DTYPES.map((dtype) => [FORMAT_NAMES[dtype], dtype]));

const HEADER_LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000; // the limit of the format's own readers
const METADATA_KEY = "__metadata__";

const Count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const Entry = z.strictObject({ dtype: z.string(), shape: z.array(Count), data_offsets: z.tuple([Count, Count]) });
const Metadata = z.record(z.string(), z.string());

interface Placement {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The file as chunks in writing order: header first, then each tensor's bytes without a copy.
 *
 * Source: safetensors format, github.com/huggingface/safetensors; tensors are ordered as its serialiser orders them
 * (alignment, then name), so that equal contents give equal bytes.
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array[] {
  const ordered = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DTYPES.indexOf(a.dtype) - DTYPES.indexOf(b.dtype) || (nameA < nameB ? -1 : Number(nameA > nameB)),
  );
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA_KEY]: metadata } : {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    const begin = end;
    end += data.byteLength;
    header[name] = { dtype: FORMAT_NAMES[dtype], shape, data_offsets: [begin, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(HEADER_LENGTH_BYTES + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - HEADER_LENGTH_BYTES), true);
  padded.set(text, HEADER_LENGTH_BYTES);
  return [padded, ...ordered.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/**
 * Reads a whole file's bytes. Tensors are views over `bytes` where its alignment allows, copies elsewhere.
 * @throws ERR_CHECKPOINT_UNREADABLE if the bytes break any rule of the format
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const { header, dataStart } = readHeader(bytes, source);
  const { [METADATA_KEY]: rawMetadata = {}, ...entries } = header;
  const metadata = Metadata.safeParse(rawMetadata);
  if (!metadata.success) throw corrupt(source, "its metadata holds a value that is no text");
  const placements = Object.entries(entries).map(([name, entry]) => parseEntry(name, entry, source));
  checkCoverage(placements, bytes.length - dataStart, source);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of placements) {
    const count = elementCount(shape);
    const offset = bytes.byteOffset + dataStart + begin;
    const aligned = offset % BYTES_PER_ELEMENT[dtype] === 0;
    const data = aligned
      ? allocateData(dtype, count, bytes.buffer, offset)
      : allocateData(dtype, count, new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end)).buffer);
    tensors.set(name, { dtype, shape, data });
  }
  return { tensors, metadata: metadata.data };
}

/** @throws ERR_CHECKPOINT_UNREADABLE if the file cannot be read or breaks the format */
export async function readSafetensors(path: string): Promise<Safetensors> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new LatentloopError("ERR_CHECKPOINT_UNREADABLE", `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  return decodeSafetensors(bytes, path);
}

function readHeader(bytes: Uint8Array, source: string): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < HEADER_LENGTH_BYTES) {
    throw corrupt(source, `it has ${bytes.length} bytes, fewer than the ${HEADER_LENGTH_BYTES} of the header's length`);
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) throw corrupt(source, `its header claims ${length} bytes, above ${MAX_HEADER_BYTES}`);
  const dataStart = HEADER_LENGTH_BYTES + length;
  if (dataStart > bytes.length) {
    throw corrupt(source, `it is cut off: the header ends at byte ${dataStart} and the file at byte ${bytes.length}`);
  }
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEADER_LENGTH_BYTES, dataStart));
    header = JSON.parse(text);
  } catch (cause) {
    throw corrupt(source, `its header is no JSON text (${messageOf(cause)})`, cause);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw corrupt(source, "its header is no JSON object");
  }
  return { header: header as Record<string, unknown>, dataStart };
}

function parseEntry(name: string, entry: unknown, source: string): Placement {
  const parsed = Entry.safeParse(entry);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw corrupt(source, `the header entry of "${name}" is wrong: ${issue?.path.join(".")} ${issue?.message}`);
  }
  const { dtype: formatName, shape, data_offsets } = parsed.data;
  const dtype = dtypeOf.get(formatName);
  if (!dtype) {
    const known = [...dtypeOf.keys()].join(", ");
    throw corrupt(source, `"${name}" has element type ${formatName} where one of ${known} was expected`);
  }
  const [begin, end] = data_offsets;
  const expected = elementCount(shape) * BYTES_PER_ELEMENT[dtype];
  if (end - begin !== expected) {
    const found = `shape ${formatShape(shape)} of ${formatName} needs ${expected} bytes`;
    throw corrupt(source, `"${name}" lies at bytes ${begin} to ${end} but its ${found}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Every byte of the data section belongs to exactly one tensor. */
function checkCoverage(placements: readonly Placement[], dataBytes: number, source: string): void {
  let reached = 0;
  let last = "the header";
  for (const { name, begin, end } of placements.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < reached) throw corrupt(source, `"${name}" at byte ${begin} overlaps ${last}, which ends at ${reached}`);
    if (begin > reached) throw corrupt(source, `bytes ${reached} to ${begin} before "${name}" belong to no tensor`);
    reached = end;
    last = `"${name}"`;
  }
  if (reached > dataBytes) throw corrupt(source, `it is cut off: ${last} ends at byte ${reached} of ${dataBytes}`);
  if (reached < dataBytes) throw corrupt(source, `${dataBytes - reached} bytes after ${last} belong to no tensor`);
}

function corrupt(source: string, what: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_CHECKPOINT_UNREADABLE", `${source} is no whole safetensors file: ${what}.`, {
    remedy: "Use the previous checkpoint, or copy the file again from where it came.",
    cause,
  });
}
