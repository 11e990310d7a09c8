import { readFile } from "node:fs/promises";
import { parquetReadObjects, type SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { LatentloopError, messageOf } from "../../core/errors.ts";

export type ColumnType = "float32" | "float64" | "int64" | "bool" | "string";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Every value is a list, of lists, and so on: so many around each element. */
  readonly lists: number;
  readonly values: readonly unknown[];
}

export type Row = Readonly<Record<string, unknown>>;

const ELEMENTS: Readonly<Record<ColumnType, Pick<SchemaElement, "type" | "converted_type">>> = {
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  int64: { type: "INT64" },
  bool: { type: "BOOLEAN" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
};

/**
 * A parquet file of these columns, compressed with snappy, lists in the standard three levels.
 *
 * `indexColumn` is what pandas takes for the table's index.
 */
export function encodeParquet(columns: readonly Column[], indexColumn?: string): Buffer {
  const schema: SchemaElement[] = [{ name: "schema", num_children: columns.length }, ...columns.flatMap(schemaOf)];
  const columnData = columns.map(({ name, type, values }) => ({
    name,
    data: values.map((value) => encoded(type, value)),
  }));
  const kvMetadata = indexColumn === undefined ? [] : [{ key: "pandas", value: pandasMetadata(columns, indexColumn) }];
  return Buffer.from(parquetWriteBuffer({ schema, columnData, codec: "SNAPPY", createdBy: "latentloop", kvMetadata }));
}

/** All rows of a parquet file. @throws ERR_DATASET_UNREADABLE if it is missing or no parquet file */
export async function readParquet(path: string): Promise<Row[]> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(path);
    return await parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer });
  } catch (cause) {
    throw new LatentloopError("ERR_DATASET_UNREADABLE", `Expected a parquet file at ${path}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** Source: pandas developer documentation, "Storing pandas DataFrame objects in Apache Parquet format". */
function pandasMetadata(columns: readonly Column[], indexColumn: string): string {
  const described = columns.map(({ name, type }) => ({
    name,
    field_name: name,
    pandas_type: type === "string" ? "unicode" : type,
    numpy_type: type === "string" ? "object" : type,
    metadata: null,
  }));
  return JSON.stringify({
    index_columns: [indexColumn],
    column_indexes: [],
    columns: described,
    pandas_version: "2.0.0",
  });
}

function schemaOf({ name, type, lists }: Pick<Column, "name" | "type" | "lists">): SchemaElement[] {
  if (lists === 0) return [{ name, ...ELEMENTS[type], repetition_type: "OPTIONAL" }];
  return [
    { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...schemaOf({ name: "element", type, lists: lists - 1 }),
  ];
}

/** 64-bit integers are bigint, also inside of lists. */
function encoded(type: ColumnType, value: unknown): unknown {
  if (type !== "int64") return value;
  return Array.isArray(value) ? value.map(BigInt) : BigInt(value as number | bigint);
}
