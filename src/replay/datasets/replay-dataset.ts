import { LatentloopError } from "../../core/errors.ts";
import { readBagImage } from "../bag-image.ts";
import type { ImagePlace } from "../episode-table.ts";
import { McapFileReader } from "../mcap-file-reader.ts";
import { messageAt } from "../mcap-records.ts";
import { ReplayIndex } from "../replay-index.ts";
import type { Dataset, DatasetCamera, DatasetEpisode, Frame } from "./dataset.ts";

/** Recorded bags as demonstrations: the tables of their closed episodes. */
export async function openReplayDataset(path: string): Promise<Dataset> {
  const index = await ReplayIndex.open(path);
  const [first] = index.episodes;
  if (first === undefined) throw new LatentloopError("ERR_REPLAY_EMPTY", `Expected whole episodes in ${path}.`);
  const images = new ImageReader();
  const cameras: DatasetCamera[] = [];
  for (const name of index.cameras) {
    const { width, height } = await images.read(index.imagePlace(name, 0));
    cameras.push({ name, width, height });
  }
  const stamps = index.episodes.flatMap(({ table }) => intervals(table.stampsNs)).sort((a, b) => a - b);
  return {
    path,
    stateNames: first.table.jointNames,
    actionNames: first.table.actionNames,
    cameras,
    rateHz: 1e9 / (stamps[stamps.length >> 1] ?? 1e9),
    episodeCount: index.episodes.length,
    async episode(number): Promise<DatasetEpisode> {
      const { table } = index.episodes[number]!;
      const { episode, position, velocity, jointNames, action, reward, stampsNs } = table;
      const steps = stampsNs.length - 1;
      return {
        number,
        task: episode.task,
        success: episode.success,
        terminal: episode.steps.at(-1)!.isTerminal,
        stampsNs: stampsNs.slice(0, steps),
        endNs: stampsNs[steps]!,
        state: position.slice(0, steps * jointNames.length),
        velocity: velocity.slice(0, steps * jointNames.length),
        action,
        reward: reward.slice(1),
        intervention: episode.steps.slice(0, steps).map(({ intervention }) => intervention),
        async *frames(camera): AsyncGenerator<Frame> {
          for (const { value } of table.images[camera]!.slice(0, steps)) yield images.read(value);
        },
      };
    },
    async close() {
      await images.close();
      await index.close();
    },
  };
}

function intervals(stampsNs: readonly bigint[]): number[] {
  return stampsNs.slice(1).map((ns, i) => Number(ns - stampsNs[i]!));
}

/** Reads images one by one, keeping files open and the last chunk at hand. */
class ImageReader {
  readonly #files = new Map<string, McapFileReader>();
  #chunk: { readonly path: string; readonly offset: number; readonly records: Uint8Array } | undefined;

  async read({ path, chunk, offset, topic, type }: ImagePlace) {
    if (this.#chunk?.path !== path || this.#chunk.offset !== chunk.offset) {
      let file = this.#files.get(path);
      if (file === undefined) this.#files.set(path, (file = await McapFileReader.open(path)));
      this.#chunk = { path, offset: chunk.offset, records: await file.readChunk(chunk) };
    }
    return readBagImage(topic, type, messageAt(this.#chunk.records, offset));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }
}
