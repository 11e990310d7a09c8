import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GraphName } from "../config/graph-contract.ts";
import { graphsOf, type Manifest, manifestSchema } from "../config/manifest.ts";
import { parseConfig, readText } from "../config/read-config.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";

/** A bundle whose manifest was checked and whose files are the ones that it describes. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: Manifest;
  /** First 8 bytes of the manifest's sha256 as hexadecimal: it covers every file, because the manifest holds their hashes. */
  readonly modelHash: string;
  /** Bytes of each graph's ONNX file. */
  readonly onnx: Readonly<Partial<Record<GraphName, Uint8Array>>>;
}

/**
 * Reads a bundle's folder and checks it: every field of the manifest, the graph contract, every file's sha256.
 *
 * @throws ERR_FILE_UNREADABLE, ERR_SYNTAX, ERR_UNKNOWN_KEY, ERR_MISSING_KEY, ERR_INVALID_VALUE, ERR_BUNDLE_HASH
 */
export async function readBundle(folder: string): Promise<Bundle> {
  const { manifest, modelHash } = await readManifest(folder);
  const files = await Promise.all(
    graphsOf(manifest).map(async ({ name, file, sha256 }) => [name, await readVerified(join(folder, file), sha256)]),
  );
  return { folder, manifest, modelHash, onnx: Object.fromEntries(files) };
}

export async function readManifest(folder: string): Promise<{ manifest: Manifest; modelHash: string }> {
  const file = join(folder, "manifest.json");
  const text = await readText(file);
  const manifest = parseConfig(manifestSchema, text, file);
  return { manifest, modelHash: createHash("sha256").update(text).digest("hex").slice(0, 16) };
}

async function readVerified(file: string, sha256: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new LatentloopError("ERR_FILE_UNREADABLE", `Expected a readable file at ${file}: ${messageOf(cause)}.`, {
      cause,
    });
  }
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual === sha256) return bytes;
  throw new LatentloopError(
    "ERR_BUNDLE_HASH",
    `Expected sha256 ${sha256} for ${file} but its ${bytes.length} bytes have ${actual}.`,
    { remedy: "Copy the bundle again: the file is truncated, was changed, or belongs to another manifest." },
  );
}
