import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../config/package-root.ts";
import { readConfig } from "../../config/read-config.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { writeEpisodeArchive } from "../../learning/episodes/episode-archive.ts";
import { ModelsFolder, refOf } from "../../learning/models/models-folder.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { type Launch, launchSchema, resolveLaunch } from "../../nodes/host/launch-description.ts";
import { openWorldOf } from "../../nodes/training-world.ts";

/** What a launch file of a story calls its folder: each run has its own. */
const PLACE = "runs/demo";
const OLD_SEED = 8_000_000;

export interface StoryFolder {
  readonly launch: Launch;
  readonly models: ModelsFolder;
  readonly replay: string;
  readonly work: string;
}

export interface StoryFolderOptions {
  readonly launchFile: string;
  /** The model that was trained elsewhere. */
  readonly bundle: string;
  readonly task: string;
  readonly folder: string;
  /** Episodes of the world that the model was trained in, to be mixed with what is recorded. */
  readonly oldEpisodes: number;
  readonly onOldEpisode: (done: number) => void;
}

/** Lays out a story's folder: the live model, old episodes from the nominal simulator, and the launch description. */
export async function layOutStory(options: StoryFolderOptions): Promise<StoryFolder> {
  const { launchFile, bundle: source, task, folder, oldEpisodes, onOldEpisode } = options;
  const models = new ModelsFolder(join(folder, "models"));
  await mkdir(models.path, { recursive: true });
  const bundle = await readBundle(source);
  const name = await models.admit(bundle);
  const model = { name, folder: models.folderOf(name), hash: bundle.modelHash };
  await models.promote(refOf(model), "demo", new Date().toISOString());
  const world = await openWorldOf(bundle.manifest, task);
  try {
    const old = await playHeldOutEpisodes(world, bundle, {
      episodes: oldEpisodes,
      seed: OLD_SEED,
      onEpisode: onOldEpisode,
    });
    await writeEpisodeArchive(join(folder, "old.safetensors"), old, bundle.manifest);
  } finally {
    world.close();
  }
  const description = await readConfig(launchSchema, launchFile);
  const nodes = description.nodes.map((node) => ({ ...node, parameters: place(node.parameters, folder) }));
  const launch = await resolveLaunch({ ...description, nodes }, root);
  return { launch, models, replay: join(folder, "replay"), work: join(folder, "work") };
}

/** The same parameters with the paths of the story's folder and of the package made absolute. */
function place<T>(value: T, folder: string): T {
  if (typeof value === "string") return placePath(value, folder) as T;
  if (Array.isArray(value)) return value.map((item) => place(item, folder)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, place(item, folder)])) as T;
}

function placePath(path: string, folder: string): string {
  if (path === PLACE || path.startsWith(`${PLACE}/`)) return join(folder, path.slice(PLACE.length));
  return path.startsWith("calibration/") ? join(root, path) : path;
}
