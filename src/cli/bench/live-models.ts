import { cp } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../config/package-root.ts";
import { readManifest } from "../../inference/read-bundle.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";

/** A models folder whose live model is the bundle for reach that comes with latentloop. */
export async function openLiveModels(path: string): Promise<ModelsFolder> {
  const models = new ModelsFolder(path);
  await cp(join(root, "models", "reach-keypoint"), models.folderOf("first"), { recursive: true });
  const { modelHash: hash } = await readManifest(models.folderOf("first"));
  await models.promote({ name: "first", hash }, "bench", new Date().toISOString());
  return models;
}
