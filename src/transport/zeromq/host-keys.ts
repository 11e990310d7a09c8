import { mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readConfig } from "../../config/read-config.ts";
import { LatentloopError } from "../../core/errors.ts";
import { makeKeyPair } from "./sockets.ts";

const key = z.string().regex(/^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/, "Expected a key of 40 characters");
const host = z.string().regex(/^[\w.-]+$/, "Expected letters, digits, '_', '.' and '-'");

const hostKeysSchema = z.strictObject({
  version: z.literal(1),
  host,
  publicKey: key,
  secretKey: key,
  /** Public keys of the hosts that may join, by name. */
  peers: z.record(host, key),
});

/** What one host proves itself with, and whom it lets in. */
export type HostKeys = z.output<typeof hostKeysSchema>;

/** Nobody but the owner reads or writes. */
const PRIVATE = 0o600;
const OTHERS = 0o077;

/**
 * A key pair for each host, each with the public keys of all the others.
 * @throws ERR_INVALID_ARGUMENT for a name that no host can have, or that two have
 */
export function makeHostKeys(hosts: readonly string[]): HostKeys[] {
  for (const [i, name] of hosts.entries()) {
    const { error } = host.safeParse(name);
    const fault = error?.issues[0]?.message ?? (hosts.indexOf(name) < i && "Expected every host only once");
    if (fault) throw new LatentloopError("ERR_INVALID_ARGUMENT", `${fault} but received '${name}'.`);
  }
  const pairs = hosts.map((name) => ({ host: name, ...makeKeyPair() }));
  return pairs.map((own) => {
    const others = pairs.filter((pair) => pair !== own);
    return { version: 1, ...own, peers: Object.fromEntries(others.map((pair) => [pair.host, pair.publicKey])) };
  });
}

/**
 * Writes `<folder>/<host>.json` for each host, readable by its owner alone, and returns the paths.
 * @throws ERR_KEYS if one of the files is there already; then none is written
 */
export async function writeHostKeys(folder: string, keys: readonly HostKeys[]): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const own of keys) {
      const path = join(folder, `${own.host}.json`);
      await writeNew(path, `${JSON.stringify(own, null, 2)}\n`);
      written.push(path);
    }
  } catch (thrown) {
    for (const path of written) await rm(path, { force: true });
    throw thrown;
  }
  return written;
}

/** @throws ERR_KEYS if others may read the file, and those of `readConfig` */
export async function readHostKeys(path: string): Promise<HostKeys> {
  const keys = await readConfig(hostKeysSchema, path);
  if (process.platform === "win32") return keys;
  const { mode } = await stat(path);
  if ((mode & OTHERS) === 0) return keys;
  throw new LatentloopError(
    "ERR_KEYS",
    `Expected keys that only their owner can read at ${path} but its mode is ${(mode & 0o777).toString(8)}.`,
    { remedy: `Run: chmod 600 ${path}. If somebody else may have read them, make new ones.` },
  );
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "wx", PRIVATE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new LatentloopError("ERR_KEYS", `Expected no keys at ${path} yet: keys are never overwritten.`, {
      remedy: "Choose another folder, or remove the old keys first: whoever uses them is shut out then.",
      cause,
    });
  }
}
