import { readBundle } from "../../inference/read-bundle.ts";
import { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import { frameBytesOf } from "./recorded-episodes.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";

/** Recordings as one live model sees them. */
export interface Readers {
  readonly modelHash: string;
  readonly replay: ReplayReader;
  readonly old: ReplayReader | undefined;
  readonly frameBytes: number;
}

/** Keeps the replay and the old data open for the model that is live, and opens them anew when that changes. */
export class LiveReaders {
  readonly #parameters: Pick<TrainerParameters, "replay" | "old">;
  #readers: Readers | undefined;

  constructor(parameters: Pick<TrainerParameters, "replay" | "old">) {
    this.#parameters = parameters;
  }

  /** With what has come since, read as the model in this folder sees it. @throws those of `ReplayReader.open` */
  async open(live: string): Promise<Readers> {
    const { replay, old } = this.#parameters;
    const { manifest, modelHash } = await readBundle(live);
    if (this.#readers?.modelHash === modelHash) {
      await this.#readers.replay.index.refresh();
      return this.#readers;
    }
    await this.close();
    this.#readers = {
      modelHash,
      replay: await ReplayReader.open(replay, manifest),
      old: old === "" ? undefined : await ReplayReader.open(old, manifest),
      frameBytes: frameBytesOf(manifest),
    };
    return this.#readers;
  }

  async close(): Promise<void> {
    await this.#readers?.replay.close();
    await this.#readers?.old?.close();
    this.#readers = undefined;
  }
}
