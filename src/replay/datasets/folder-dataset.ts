import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Dataset, DatasetCamera, DatasetEpisode, Frame } from "./dataset.ts";
import { evenStamps } from "./even-stamps.ts";

const episodeSchema = z.object({
  instruction: z.string().default(""),
  action_names: z.array(z.string()),
  state_names: z.array(z.string()),
  action: z.array(z.array(z.number())),
  state: z.array(z.array(z.number())),
  reward: z.array(z.number()).optional(),
  success: z.boolean().default(false),
});
type EpisodeFile = z.output<typeof episodeSchema>;

const IMAGE_NAME = /^(.+)_(\d+)\.(jpe?g|png)$/;

/**
 * Plain folders: `episode_*` with an episode.json (actions, states, names, instruction) and images `<camera>_<step>.jpg|png`.
 *
 * They carry no stamps: steps are put at an even rate.
 * @throws ERR_DATASET_UNREADABLE if a folder does not hold what its episode.json says
 */
export async function openFolderDataset(path: string, { rateHz }: { rateHz: number }): Promise<Dataset> {
  const folders = (await list(path)).filter((name) => /^episode/.test(name));
  if (folders.length === 0) throw unreadable(path, "no folder in it is named episode…");
  const first = await readEpisode(join(path, folders[0]!));
  const cameras: DatasetCamera[] = [];
  for (const [name, files] of await imagesOf(join(path, folders[0]!))) {
    const { width, height } = await sharp(join(path, folders[0]!, files[0]!)).metadata();
    cameras.push({ name, width, height });
  }
  return {
    path,
    stateNames: first.state_names,
    actionNames: first.action_names,
    cameras,
    provenanceNames: [],
    rateHz,
    episodeCount: folders.length,
    async episode(number): Promise<DatasetEpisode> {
      const folder = join(path, folders[number]!);
      const { instruction, action, state, reward, success } = await readEpisode(folder);
      if (state.length !== action.length)
        throw unreadable(folder, `${state.length} states for ${action.length} actions`);
      const images = await imagesOf(folder);
      for (const { name } of cameras) {
        const count = images.get(name)?.length ?? 0;
        if (count !== action.length) throw unreadable(folder, `${count} images of ${name} for ${action.length} steps`);
      }
      const stamps = evenStamps(number, action.length, rateHz);
      return {
        number,
        task: instruction,
        success,
        terminal: false,
        ...stamps,
        state: Float64Array.from(state.flat()),
        velocity: new Float64Array(),
        action: Float64Array.from(action.flat()),
        reward: Float32Array.from(reward ?? action.map(() => Number.NaN)),
        intervention: action.map(() => false),
        provenance: {},
        async *frames(camera): AsyncGenerator<Frame> {
          for (const [i, file] of images.get(camera)!.entries()) {
            const format = file.endsWith("png") ? "png" : "jpeg";
            yield { format, data: await readFile(join(folder, file)), stampNs: stamps.stampsNs[i]! };
          }
        },
      };
    },
    close: async () => {},
  };
}

async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}

/** Image files by camera, in the order of their steps. */
async function imagesOf(folder: string): Promise<Map<string, string[]>> {
  const images = new Map<string, string[]>();
  for (const file of await list(folder)) {
    const [, camera] = IMAGE_NAME.exec(file) ?? [];
    if (camera !== undefined) images.set(camera, [...(images.get(camera) ?? []), file]);
  }
  return images;
}

async function readEpisode(folder: string): Promise<EpisodeFile> {
  try {
    return episodeSchema.parse(JSON.parse(await readFile(join(folder, "episode.json"), "utf8")));
  } catch (cause) {
    throw unreadable(folder, messageOf(cause), cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_DATASET_UNREADABLE", `Expected folders of episodes at ${path}: ${why}.`, { cause });
}
