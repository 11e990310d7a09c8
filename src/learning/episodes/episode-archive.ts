import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { writeFileAtomically } from "../atomic-file.ts";
import { encodeSafetensors, readSafetensors } from "../optimization/safetensors.ts";
import { EpisodeLog } from "./episode-log.ts";
import type { EpisodeStore } from "./episode-store.ts";
import { type RecordedSpaces, storeForManifest } from "./replay-reader.ts";

const FORMAT = "latentloop-episodes";
const IMAGE = "image_";

/** Whether a path names an archive rather than a folder of bags. */
export function isEpisodeArchive(path: string): boolean {
  return path.endsWith(".safetensors");
}

/** What a model senses and does, as far as stored numbers depend on it. */
function spacesOf({ observation, action, policyRateHz }: RecordedSpaces): string {
  const actions = action.dimensions.map(({ name, unit, low, high }) => ({ name, unit, low, high }));
  return JSON.stringify({ observation, actions, policyRateHz });
}

/**
 * Keeps episodes as a model of these spaces sees them in one safetensors file: old data that needs no simulator later.
 * The file is written as a whole or not at all.
 */
export async function writeEpisodeArchive(path: string, store: EpisodeStore, spaces: RecordedSpaces): Promise<void> {
  const { frames, sizes } = store;
  const floats = (data: Float32Array, width: number): Tensor =>
    makeTensor("float32", [frames, width], data.subarray(0, frames * width));
  const images = Object.entries(store.images).map(([camera, bytes]): [string, Tensor] => {
    const size = sizes.imageBytes[camera]!;
    return [IMAGE + camera, makeTensor("uint8", [frames, size], bytes.subarray(0, frames * size))];
  });
  const tensors = new Map<string, Tensor>([
    ...images,
    ["proprioception", floats(store.proprioception, sizes.proprioceptionSize)],
    ["actions", floats(store.actions, sizes.actionSize)],
    ["rewards", floats(store.rewards, 1)],
    ["terminal", makeTensor("uint8", [frames], store.terminal.subarray(0, frames))],
  ]);
  const episodes: EpisodeLog = store.episodes.map(({ start, frames: count, source }) => ({
    ...start,
    steps: count - 1,
    source,
  }));
  const metadata = { format: FORMAT, spaces: spacesOf(spaces), episodes: JSON.stringify(episodes) };
  await writeFileAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/**
 * @throws ERR_CHECKPOINT_UNREADABLE if the file is damaged or no archive
 * @throws ERR_REPLAY_MISMATCH if its episodes are of another model's spaces
 */
export async function readEpisodeArchive(path: string, spaces: RecordedSpaces): Promise<EpisodeStore> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT) {
    throw new LatentloopError("ERR_CHECKPOINT_UNREADABLE", `Expected an archive of episodes in ${path}.`);
  }
  const differing = differenceOf(metadata.spaces ?? "{}", spacesOf(spaces));
  if (differing !== undefined) {
    throw new LatentloopError(
      "ERR_REPLAY_MISMATCH",
      `Expected episodes in ${path} with the model's ${differing} but theirs is another.`,
      { remedy: "Give episodes of the robot and the cameras that the model was trained for." },
    );
  }
  const episodes = z
    .string()
    .transform((text) => EpisodeLog.parse(JSON.parse(text)))
    .parse(metadata.episodes);
  const store = storeForManifest(spaces, tensors.get("rewards")!.data.length);
  for (const [camera, bytes] of Object.entries(store.images)) {
    bytes.set(tensors.get(IMAGE + camera)!.data as Uint8Array);
  }
  store.proprioception.set(tensors.get("proprioception")!.data as Float32Array);
  store.actions.set(tensors.get("actions")!.data as Float32Array);
  store.rewards.set(tensors.get("rewards")!.data as Float32Array);
  store.terminal.set(tensors.get("terminal")!.data as Uint8Array);
  for (const { kind, seed, steps, source } of episodes) {
    const writer = store.begin({ kind, seed }, source);
    for (let i = 0; i <= steps; i++) writer.nextFrame();
    writer.end();
  }
  return store;
}

/** The first part that two descriptions of spaces do not share. */
function differenceOf(a: string, b: string): string | undefined {
  const [one, other] = [a, b].map((text) => JSON.parse(text) as Record<string, unknown>);
  return Object.keys(other!).find((key) => JSON.stringify(one![key]) !== JSON.stringify(other![key]));
}
