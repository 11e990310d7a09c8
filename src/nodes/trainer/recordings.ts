import { readBundle } from "../../inference/read-bundle.ts";
import { isEpisodeArchive } from "../../learning/episodes/episode-archive.ts";
import { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import { frameBytesOf } from "./chosen-episodes.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";

/** The recordings as one live model sees them. */
export interface Readers {
  readonly modelHash: string;
  readonly replay: ReplayReader;
  readonly old: ReplayReader | undefined;
  readonly frameBytes: number;
}

/** Holds the recordings open, and opens them anew only when another model is live. */
export class Recordings {
  readonly #parameters: Pick<TrainerParameters, "replay" | "old">;
  #readers: Readers | undefined;

  constructor(parameters: Pick<TrainerParameters, "replay" | "old">) {
    this.#parameters = parameters;
  }

  /** As last followed. */
  get readers(): Readers | undefined {
    return this.#readers;
  }

  /** The replay with what has come since, and the old data, read as the model in the folder sees them. */
  async follow(live: string): Promise<ReplayReader> {
    const { manifest, modelHash } = await readBundle(live);
    if (this.#readers?.modelHash === modelHash) {
      await this.#readers.replay.index.refresh();
      return this.#readers.replay;
    }
    await this.close();
    const { replay: folder, old: oldFolder } = this.#parameters;
    const replay = await ReplayReader.open(folder, manifest);
    const isBags = oldFolder !== "" && !isEpisodeArchive(oldFolder);
    const old = isBags ? await ReplayReader.open(oldFolder, manifest) : undefined;
    this.#readers = { modelHash, replay, old, frameBytes: frameBytesOf(manifest) };
    return replay;
  }

  async close(): Promise<void> {
    await this.#readers?.replay.close();
    await this.#readers?.old?.close();
    this.#readers = undefined;
  }
}
