import { copyFile, mkdir, open, readdir, readlink, realpath, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { graphsOf } from "../../config/manifest.ts";
import { LatentloopError } from "../../core/errors.ts";
import { type Bundle, readBundle, readManifest } from "../../inference/read-bundle.ts";
import { syncFolder } from "../atomic-file.ts";
import { PARITY_FILE } from "../bundle/parity-file.ts";
import { appendToLedger, LEDGER_FILE, type Ledger, type LedgerEvent, type ModelRef, readLedger } from "./ledger.ts";

/** Name of the link to the bundle that acts: launch files may name `<models>/live` as their model. */
const LIVE = "live";

/** A bundle that lies in a models folder. */
export interface StoredModel {
  readonly name: string;
  readonly folder: string;
  /** null: its manifest cannot be read. */
  readonly hash: string | null;
}

/**
 * Bundles of one robot side by side, a link `live` to the one that acts, and the ledger of every candidate.
 *
 * The link changes by a rename: whoever opens `live` gets the old bundle or the new one. Bundles themselves never change.
 */
export class ModelsFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Bundles by name; half-copied ones and other files are left out. */
  async list(): Promise<StoredModel[]> {
    const entries = await readdir(this.path, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.endsWith(".partial"));
    const models = await Promise.all(names.map(({ name }) => this.#stored(name)));
    return models.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The model that acts; undefined when none was promoted yet. */
  async live(): Promise<StoredModel | undefined> {
    const target = await readlink(join(this.path, LIVE)).catch(() => undefined);
    return target === undefined ? undefined : this.#stored(basename(target));
  }

  folderOf(name: string): string {
    return join(this.path, name);
  }

  ledger(): Promise<Ledger> {
    return readLedger(join(this.path, LEDGER_FILE));
  }

  async record(event: LedgerEvent): Promise<void> {
    await mkdir(this.path, { recursive: true });
    await appendToLedger(join(this.path, LEDGER_FILE), event);
  }

  /**
   * Brings a checked bundle into the folder, as a whole or not at all, and returns its name there. A bundle that lies in the
   * folder stays where it is, also when it is named by a link as `live`; one that was brought before is not copied again.
   */
  async admit({ folder, manifest, modelHash }: Bundle): Promise<string> {
    const place = await realpath(folder);
    await mkdir(this.path, { recursive: true });
    if (dirname(place) === (await realpath(this.path))) return basename(place);
    const name = `${manifest.name}-${modelHash.slice(0, 8)}`;
    const target = this.folderOf(name);
    if ((await this.#stored(name)).hash === modelHash) return name;
    const partial = `${target}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    try {
      const files = [...graphsOf(manifest).map(({ file }) => file), PARITY_FILE, "manifest.json"];
      for (const file of files) await copyDurably(join(folder, file), join(partial, file), file === PARITY_FILE);
      const copied = await readBundle(partial);
      if (copied.modelHash !== modelHash) {
        throw new LatentloopError("ERR_BUNDLE_HASH", `The bundle in ${folder} changed while it was copied.`, {
          remedy: "Write bundles as a whole: under another name first, then rename the folder.",
        });
      }
      await syncFolder(partial);
      await rename(partial, target);
    } catch (thrown) {
      await rm(partial, { recursive: true, force: true });
      throw thrown;
    }
    await syncFolder(this.path);
    return name;
  }

  /**
   * Makes a model of the folder the live one; the ledger has it before it happens.
   * @throws ERR_LEDGER; ERR_INVALID_ARGUMENT for the link itself, which cannot lead to itself
   */
  async promote(model: ModelRef, by: string, at: string): Promise<void> {
    if (model.name === LIVE) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a bundle's name in ${this.path} but received "${LIVE}".`,
        {
          remedy: "That is the link to the bundle that acts: name the bundle itself.",
        },
      );
    }
    const from = await this.live();
    await this.record({ event: "promoted", at, model, from: from ? refOf(from) : null, by });
    await this.#pointLiveTo(model.name);
  }

  /**
   * Makes the model before the live one live again, before anything else: also when the ledger cannot be written.
   * @throws ERR_LEDGER after the link was changed; ERR_NO_PREVIOUS_MODEL if the ledger knows none, or it is gone
   */
  async rollBack(by: string, reason: string, at: string, verdicts: LedgerRollback["verdicts"] = []): Promise<ModelRef> {
    const live = await this.live();
    const to = await this.previous();
    if (!live || !to) {
      throw new LatentloopError("ERR_NO_PREVIOUS_MODEL", `Expected a model before the live one in ${this.path}.`, {
        remedy: "Promote a bundle by name instead: latentloop models promote <bundle>.",
      });
    }
    await this.#pointLiveTo(to.name);
    await this.record({ event: "rolled-back", at, model: refOf(live), to, by, reason, verdicts });
    return to;
  }

  /**
   * Goes back to the model before the live one, if the live one was promoted by a node that ended before the watch was over:
   * then nobody has seen that it is good.
   * @throws ERR_LEDGER, ERR_NO_PREVIOUS_MODEL
   */
  async rollBackUnwatched(by: string, at: string): Promise<ModelRef | undefined> {
    const [live, { events }] = await Promise.all([this.live(), this.ledger()]);
    const last = events.findLast(({ model }) => model.hash === live?.hash);
    if (last?.event !== "promoted" || last.by !== by || !last.from) return undefined;
    return this.rollBack(by, "its watch was cut off", at);
  }

  /** The model that the live one took the place of, if it is still there unchanged. */
  async previous(): Promise<ModelRef | undefined> {
    const [live, { events }] = await Promise.all([this.live(), this.ledger()]);
    const promotion = events.findLast(
      (event) => event.event === "promoted" && event.model.hash === live?.hash && event.from?.hash !== live.hash,
    );
    const from = promotion?.event === "promoted" ? promotion.from : null;
    if (!from) return undefined;
    return (await this.#stored(from.name)).hash === from.hash ? from : undefined;
  }

  async #pointLiveTo(name: string): Promise<void> {
    const next = join(this.path, `${LIVE}.${process.pid}.partial`);
    await rm(next, { force: true });
    await symlink(name, next, "dir");
    await rename(next, join(this.path, LIVE));
    await syncFolder(this.path);
  }

  async #stored(name: string): Promise<StoredModel> {
    const folder = this.folderOf(name);
    const hash = await readManifest(folder).then(
      ({ modelHash }) => modelHash,
      () => null,
    );
    return { name, folder, hash };
  }
}

type LedgerRollback = Extract<LedgerEvent, { event: "rolled-back" }>;

export function refOf({ name, hash }: StoredModel): ModelRef {
  return { name, hash };
}

/** @param optional whether a missing file is no matter */
async function copyDurably(from: string, to: string, optional: boolean): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (thrown) {
    if (optional && (thrown as NodeJS.ErrnoException).code === "ENOENT") return;
    throw thrown;
  }
  const file = await open(to, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
