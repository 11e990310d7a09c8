import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LatentloopError } from "../../core/errors.ts";
import { readManifest } from "../../inference/read-bundle.ts";

/** Finds bundles by their hash: in the given folders themselves, and one level below. */
export class BundleFinder {
  readonly #folders: readonly string[];
  readonly #hashes = new Map<string, string | undefined>();

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** @param hint where it lay when it was used @throws ERR_SESSION_MODEL when it is in none of the folders */
  async find(hash: string, hint: string): Promise<string> {
    const beside = dirname(hint);
    for (const folder of new Set([hint, ...this.#folders, beside])) {
      for (const candidate of [folder, ...(await foldersIn(folder))]) {
        if ((await this.#hashOf(candidate)) === hash) return candidate;
      }
    }
    throw new LatentloopError(
      "ERR_SESSION_MODEL",
      `Expected the model ${hash} in ${[...this.#folders, beside].join(", ")} but it is in none of them.`,
      { remedy: "Name the folder that holds it with --models." },
    );
  }

  async #hashOf(folder: string): Promise<string | undefined> {
    if (!this.#hashes.has(folder)) {
      const hash = await readManifest(folder).then(
        ({ modelHash }) => modelHash,
        () => undefined,
      );
      this.#hashes.set(folder, hash);
    }
    return this.#hashes.get(folder);
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}
