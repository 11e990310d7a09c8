import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { CompressedImage } from "../../core/camera.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { CameraSource, CameraSourceKind } from "./source.ts";

const schema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .meta({ description: "Folder of JPEG and PNG files; their names sort in the order of capture." }),
  prefix: z.string().default("").meta({ description: "Only files whose names begin so, e.g. those of one camera." }),
  rateHz: z
    .number()
    .positive()
    .default(30)
    .meta({ unit: "Hz", description: "Rate of capture, from which stamps are made." }),
  startNs: z.int().nonnegative().default(0).meta({ unit: "ns", description: "Capture stamp of the first frame." }),
});

const FORMATS: Readonly<Record<string, CompressedImage["format"]>> = { jpg: "jpeg", jpeg: "jpeg", png: "png" };

function formatOf(file: string): CompressedImage["format"] | undefined {
  return FORMATS[file.slice(file.lastIndexOf(".") + 1).toLowerCase()];
}

/** Recorded images from a folder, with the stamps of an even rate. */
export const imageFolder: CameraSourceKind<typeof schema> = {
  schema,
  async open(camera, { folder, prefix, rateHz, startNs }): Promise<CameraSource> {
    const names = await namesIn(camera, folder);
    const files = names.filter((name) => name.startsWith(prefix) && formatOf(name)).sort();
    if (files.length === 0) {
      throw new LatentloopError(
        "ERR_CAMERA_SOURCE",
        `Expected images named ${prefix}*.jpg or ${prefix}*.png for ${camera} in ${folder} but found none among ${names.length} files.`,
      );
    }
    async function* frames() {
      for (const [i, file] of files.entries()) {
        const data = await readFile(join(folder, file));
        yield { format: formatOf(file)!, data, stampNs: BigInt(startNs) + BigInt(Math.round((i * 1e9) / rateHz)) };
      }
    }
    return { camera, frames };
  },
};

async function namesIn(camera: string, folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new LatentloopError(
      "ERR_CAMERA_SOURCE",
      `Expected a folder of images for ${camera} at ${folder}: ${messageOf(cause)}.`,
      { cause },
    );
  }
}
