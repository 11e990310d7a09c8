import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "@foxglove/crc";
import { Packr } from "msgpackr";
import type { EpisodeTable, LeftOutEpisode } from "./episode-table.ts";
import { openBagFile } from "./file-source.ts";
import { type PackedTable, packTable, unpackTable } from "./packed-table.ts";

/** Lies beside the bag's files; without it the bag is read again. */
const NAME = "latentloop.index";
/** Another one is made when what a table holds changes. */
const VERSION = 2;
const CRC_BYTES = 4;
/** Of a file's end, which a summary fills: it tells the place and the times of every chunk. */
const PRINT_BYTES = 65_536;

/** What tells a file from every other: an index is of these files or it is stale. */
interface FilePrint {
  readonly name: string;
  readonly size: number;
  readonly endCrc: number;
}

/** What was made of the closed episodes of a bag. */
export interface BagTables {
  readonly tables: readonly EpisodeTable[];
  readonly leftOut: readonly LeftOutEpisode[];
}

interface StoredIndex {
  readonly version: number;
  readonly files: readonly FilePrint[];
  readonly tables: readonly PackedTable[];
  readonly leftOut: readonly Omit<LeftOutEpisode, "bag">[];
}

const packr = new Packr({ moreTypes: true });

/** The tables of a bag's closed episodes as stored when it was read last; undefined if it must be read (again). */
export async function readStoredIndex(bag: string): Promise<BagTables | undefined> {
  const bytes = await readFile(join(bag, NAME)).catch(() => undefined);
  if (bytes === undefined || bytes.length < CRC_BYTES) return undefined;
  const packed = bytes.subarray(CRC_BYTES);
  if (crc32(packed) !== bytes.readUInt32LE(0)) return undefined;
  const { version, files, tables, leftOut } = packr.unpack(packed) as StoredIndex;
  if (version !== VERSION || !samePrints(files, await printFiles(bag))) return undefined;
  const paths = files.map(({ name }) => join(bag, name));
  return {
    tables: tables.map((table) => unpackTable(table, bag, paths)),
    leftOut: leftOut.map((episode) => ({ bag, ...episode })),
  };
}

/** Stores the tables of a finished bag. A folder that cannot be written goes without: the index only saves time. */
export async function writeStoredIndex(bag: string, { tables, leftOut }: BagTables): Promise<void> {
  const files = await printFiles(bag);
  const paths = files.map(({ name }) => join(bag, name));
  const index: StoredIndex = {
    version: VERSION,
    files,
    tables: tables.map((table) => packTable(table, paths)),
    leftOut: leftOut.map(({ number, why }) => ({ number, why })),
  };
  const packed = packr.pack(index);
  const crc = Buffer.alloc(CRC_BYTES);
  crc.writeUInt32LE(crc32(packed));
  const partial = join(bag, `${NAME}.${process.pid}`);
  try {
    await writeFile(partial, Buffer.concat([crc, packed]));
    await rename(partial, join(bag, NAME));
  } catch {
    await rm(partial, { force: true }).catch(() => {});
  }
}

async function printFiles(bag: string): Promise<FilePrint[]> {
  const names = (await readdir(bag)).filter((name) => name.endsWith(".mcap")).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = await openBagFile(join(bag, name));
      try {
        const size = await file.size();
        const start = Math.max(0, size - PRINT_BYTES);
        return { name, size, endCrc: crc32(await file.read(start, size - start)) };
      } finally {
        await file.close();
      }
    }),
  );
}

function samePrints(a: readonly FilePrint[], b: readonly FilePrint[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, size, endCrc }, i) => name === b[i]!.name && size === b[i]!.size && endCrc === b[i]!.endCrc)
  );
}
