import type { CdrWriter } from "@foxglove/cdr";
import type { MessageDefinition, MessageField } from "./message-definitions.ts";

/** Appends one value, or a whole message, to CDR bytes. */
export type FieldWriter = (writer: CdrWriter, value: unknown) => void;

const utf8 = new TextEncoder();

const PRIMITIVES: Readonly<Record<string, (writer: CdrWriter, value: never) => void>> = {
  bool: (writer, value: boolean) => writer.uint8(value ? 1 : 0),
  int8: (writer, value: number) => writer.int8(value),
  uint8: (writer, value: number) => writer.uint8(value),
  int16: (writer, value: number) => writer.int16(value),
  uint16: (writer, value: number) => writer.uint16(value),
  int32: (writer, value: number) => writer.int32(value),
  uint32: (writer, value: number) => writer.uint32(value),
  int64: (writer, value: bigint) => writer.int64(value),
  uint64: (writer, value: bigint) => writer.uint64(value),
  float32: (writer, value: number) => writer.float32(value),
  float64: (writer, value: number) => writer.float64(value),
  string: writeString,
  time: writeTime,
  duration: writeTime,
};

/** Whole arrays that the library copies at once. */
const ARRAYS: Readonly<Record<string, (writer: CdrWriter, value: never) => void>> = {
  int8: (writer, value: Int8Array) => writer.int8Array(value),
  uint8: (writer, value: Uint8Array) => writer.uint8Array(value),
  int16: (writer, value: Int16Array) => writer.int16Array(value),
  uint16: (writer, value: Uint16Array) => writer.uint16Array(value),
  int32: (writer, value: Int32Array) => writer.int32Array(value),
  uint32: (writer, value: Uint32Array) => writer.uint32Array(value),
  float32: (writer, value: Float32Array) => writer.float32Array(value),
  float64: (writer, value: Float64Array) => writer.float64Array(value),
};

/** CDR counts a string's bytes in UTF-8, the library its UTF-16 units: they agree for ASCII only. */
function writeString(writer: CdrWriter, value: string): void {
  if (Buffer.byteLength(value) === value.length) {
    writer.string(value);
    return;
  }
  const bytes = utf8.encode(value);
  writer
    .uint32(bytes.length + 1)
    .uint8Array(bytes)
    .uint8(0);
}

function writeTime(writer: CdrWriter, value: { sec: number; nanosec: number }): void {
  writer.int32(value.sec).uint32(value.nanosec);
}

/** A writer for messages of the first definition, by @foxglove/cdr. It throws plain errors that name the field. */
export function compileWriter(definitions: readonly MessageDefinition[]): FieldWriter {
  const compiled = new Map<string, FieldWriter>();
  const structOf = (name: string): FieldWriter => {
    let write = compiled.get(name);
    if (write === undefined) {
      const definition = definitions.find((candidate) => candidate.name === name);
      if (definition === undefined) throw new Error(`nothing defines ${name}`);
      compiled.set(name, (write = compileStruct(definition, structOf)));
    }
    return write;
  };
  return compileStruct(definitions[0]!, structOf);
}

function compileStruct(definition: MessageDefinition, structOf: (name: string) => FieldWriter): FieldWriter {
  const fields = definition.definitions
    .filter((field) => !field.isConstant)
    .map((field) => ({ name: field.name, write: compileField(field, structOf) }));
  return (writer, message) => {
    const values = message as Readonly<Record<string, unknown>>;
    for (const { name, write } of fields) {
      const value = values[name];
      if (value === undefined) throw new Error(`its field '${name}' is missing`);
      write(writer, value);
    }
  };
}

function compileField(field: MessageField, structOf: (name: string) => FieldWriter): FieldWriter {
  const element = field.isComplex ? structOf(field.type) : primitive(field);
  if (!field.isArray) return element;
  const whole = field.isComplex ? undefined : (ARRAYS[field.type] as FieldWriter | undefined);
  return (writer, value) => {
    const array = value as ArrayLike<unknown>;
    if (field.arrayLength === undefined) writer.sequenceLength(array.length);
    else if (array.length !== field.arrayLength) {
      throw new Error(`its field '${field.name}' has ${array.length} elements, not ${field.arrayLength}`);
    }
    if (whole) whole(writer, array);
    else for (let i = 0; i < array.length; i++) element(writer, array[i]);
  };
}

function primitive(field: MessageField): FieldWriter {
  const write = PRIMITIVES[field.type];
  if (write === undefined) throw new Error(`its field '${field.name}' has the unsupported type ${field.type}`);
  return write as FieldWriter;
}
