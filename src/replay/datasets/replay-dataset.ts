import { LatentloopError } from "../../core/errors.ts";
import { readBagImage } from "../bag-image.ts";
import type { ImagePlace } from "../episode-table.ts";
import { PlaceReader } from "../place-reader.ts";
import { type IndexedEpisode, ReplayIndex } from "../replay-index.ts";
import type { Dataset, DatasetCamera, DatasetEpisode, Frame } from "./dataset.ts";

/**
 * Recorded bags as demonstrations: the tables of their closed episodes that have an image of every camera at every step.
 * @throws ERR_REPLAY_EMPTY if there are none
 */
export async function openReplayDataset(path: string): Promise<Dataset> {
  const index = await ReplayIndex.open(path);
  const gapOf = ({ table }: IndexedEpisode) => index.cameras.map((camera) => table.gaps[camera]).find(Boolean);
  const leftOut = [
    ...index.leftOut.map(({ why }) => why),
    ...index.episodes.flatMap((episode) => {
      const {
        bag,
        episode: { number },
      } = episode.table;
      const gap = gapOf(episode);
      return gap === undefined ? [] : [`Episode ${number} in ${bag} is left out: ${gap}.`];
    }),
  ];
  const episodes = index.episodes.filter((episode) => gapOf(episode) === undefined);
  const [first] = episodes;
  if (first === undefined) {
    await index.close();
    throw new LatentloopError("ERR_REPLAY_EMPTY", [`Expected whole episodes in ${path}.`, ...leftOut].join(" "));
  }
  const places = new PlaceReader();
  const readImage = async (place: ImagePlace) => readBagImage(place.topic, place.type, await places.read(place));
  const cameras: DatasetCamera[] = [];
  for (const name of index.cameras) {
    const { width, height } = await readImage(first.table.images[name]![0]!.value);
    cameras.push({ name, width, height });
  }
  const stamps = episodes.flatMap(({ table }) => intervals(table.stampsNs)).sort((a, b) => a - b);
  return {
    path,
    stateNames: first.table.jointNames,
    actionNames: first.table.actionNames,
    cameras,
    provenanceNames: [...new Set(episodes.flatMap(({ table }) => Object.keys(table.provenance)))].sort(),
    rateHz: 1e9 / (stamps[stamps.length >> 1] ?? 1e9),
    episodeCount: episodes.length,
    leftOut,
    async episode(number): Promise<DatasetEpisode> {
      const { table } = episodes[number]!;
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
        intervention: episode.steps.slice(1).map(({ intervention }) => intervention),
        provenance: table.provenance,
        async *frames(camera): AsyncGenerator<Frame> {
          for (const { value } of table.images[camera]!.slice(0, steps)) yield readImage(value);
        },
      };
    },
    async close() {
      await places.close();
      await index.close();
    },
  };
}

function intervals(stampsNs: readonly bigint[]): number[] {
  return stampsNs.slice(1).map((ns, i) => Number(ns - stampsNs[i]!));
}
