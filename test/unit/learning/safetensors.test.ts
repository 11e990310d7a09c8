import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LatentloopError } from "../../../src/core/errors.ts";
import { allocateData, type DType, elementCount, makeTensor, type Tensor } from "../../../src/core/tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/learning/optimization/safetensors.ts";

function encode(tensors: Record<string, Tensor>, metadata: Record<string, string> = {}): Uint8Array {
  return Buffer.concat(encodeSafetensors({ tensors: new Map(Object.entries(tensors)), metadata }));
}

/** A file from its parts, with any header text and any claimed length. */
function fileOf(header: string, data: Uint8Array = new Uint8Array(), claimed = Buffer.byteLength(header)): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed));
  return Buffer.concat([length, Buffer.from(header), data]);
}

function rejects(bytes: Uint8Array, sentence: RegExp): void {
  assert.throws(
    () => decodeSafetensors(bytes, "model.safetensors"),
    (error) => {
      assert.ok(error instanceof LatentloopError);
      assert.equal(error.code, "ERR_CHECKPOINT_UNREADABLE");
      assert.match(error.message, /^model\.safetensors is no whole safetensors file: /);
      assert.match(error.message, sentence);
      return true;
    },
  );
}

const anyTensor = fc
  .tuple(
    fc.constantFrom<DType>("float32", "uint8", "int32", "int64", "bool"),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    fc.infiniteStream(fc.integer({ min: 0, max: 1 })),
  )
  .map(([dtype, shape, bits]): Tensor => {
    const data = allocateData(dtype, elementCount(shape));
    for (let i = 0; i < data.length; i++) data[i] = dtype === "int64" ? BigInt(bits.next().value) : bits.next().value;
    return { dtype, shape, data };
  });

test("the bytes are those of the format's own serialiser: header length, padded header, wide types first, little endian", () => {
  const bytes = encode(
    { flag: makeTensor("bool", [], Uint8Array.of(1)), weight: makeTensor("float32", [1, 2], Float32Array.of(1, -2)) },
    { step: "7" },
  );
  const header =
    '{"__metadata__":{"step":"7"},"weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},' +
    '"flag":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
  assert.equal(Buffer.from(bytes.subarray(0, 8)).toString("hex"), `${padded.length.toString(16)}00000000000000`);
  assert.equal(Buffer.from(bytes.subarray(8, 8 + padded.length)).toString(), padded);
  assert.equal(Buffer.from(bytes.subarray(8 + padded.length)).toString("hex"), "0000803f000000c001");
});

test("a file written elsewhere is read: unpadded header, any order, no metadata", () => {
  const header =
    '{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
  const { tensors, metadata } = decodeSafetensors(fileOf(header, Uint8Array.of(9, 0, 0, 0x80, 0x3f)), "x");
  assert.deepEqual(tensors.get("a"), makeTensor("float32", [1], Float32Array.of(1)));
  assert.deepEqual(tensors.get("b"), makeTensor("uint8", [1], Uint8Array.of(9)));
  assert.deepEqual(metadata, {});
});

test("whatever is encoded decodes to the same tensors and metadata", () => {
  const names = fc.string({ minLength: 1, maxLength: 8, unit: "binary" }).filter((name) => !/^__/.test(name));
  fc.assert(
    fc.property(fc.dictionary(names, anyTensor), fc.dictionary(names, fc.string()), (tensors, metadata) => {
      const decoded = decodeSafetensors(encode(tensors, metadata), "x");
      assert.deepEqual(decoded.tensors, new Map(Object.entries(tensors)));
      assert.deepEqual({ ...decoded.metadata }, { ...metadata });
    }),
  );
});

test("a file cut at any byte is rejected", () => {
  const whole = encode({ a: makeTensor("float32", [3]), b: makeTensor("uint8", [2]) }, { step: "1" });
  for (let length = 0; length < whole.length; length++) {
    rejects(whole.subarray(0, length), /cut off|fewer than the 8/);
  }
});

test("any single changed byte of the header is rejected or leaves a readable file, and never crashes", () => {
  const whole = encode({ a: makeTensor("float32", [3]), b: makeTensor("uint8", [2]) });
  fc.assert(
    fc.property(fc.nat(whole.length - 15), fc.nat(255), (position, value) => {
      const damaged = Uint8Array.from(whole);
      damaged[position] = value;
      try {
        decodeSafetensors(damaged, "x");
      } catch (error) {
        assert.ok(error instanceof LatentloopError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("each broken rule of the format has its own sentence, naming the culprit", () => {
  const four = new Uint8Array(4);
  const entry = (extra: object) => JSON.stringify({ w: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...extra } });
  rejects(fileOf("{}", four, 2 ** 40), /claims 1099511627776 bytes/);
  rejects(fileOf("[1]"), /no JSON object/);
  rejects(fileOf("{oops"), /no JSON text/);
  rejects(fileOf(entry({ dtype: "F16" }), four), /"w" has element type F16 where one of I64, F32/);
  rejects(fileOf(entry({ shape: [-1] }), four), /header entry of "w" is wrong: shape\.0/);
  rejects(fileOf(entry({ colour: 1 }), four), /header entry of "w" is wrong.*colour/);
  rejects(fileOf(entry({ shape: [2] }), four), /"w" lies at bytes 0 to 4 but its shape \[2\] of F32 needs 8 bytes/);
  rejects(fileOf(entry({ data_offsets: [4, 0] }), four), /"w" lies at bytes 4 to 0/);
  rejects(fileOf(entry({ data_offsets: [4, 8] }), new Uint8Array(8)), /bytes 0 to 4 before "w" belong to no tensor/);
  rejects(fileOf(entry({}), new Uint8Array(8)), /4 bytes after "w" belong to no tensor/);
  rejects(fileOf('{"__metadata__":{"step":1}}'), /metadata holds a value that is no text/);
  const overlapping = {
    a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    b: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
  };
  rejects(fileOf(JSON.stringify(overlapping), new Uint8Array(8)), /"b" at byte 4 overlaps "a", which ends at 8/);
});
