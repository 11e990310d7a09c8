import { mkdtemp, open, rm, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { messageOf } from "../../core/errors.ts";
import type { DoctorOptions, Finding } from "./finding.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const BLOCK = MIB;
const WRITTEN_MIB = 48;
/** An hour of three cameras as JPEG, and their rate with a margin of ten. */
const SPACE_WANTED_GIB = 10;
const SPEED_WANTED_MIB_S = 30;

/** Room and write speed, flushed to the device, where recordings would go. */
export async function examineDisk({ replayFolder }: DoctorOptions): Promise<Finding[]> {
  const name = "replay disk";
  const gives = "recordings of whole sessions without a gap";
  try {
    const folder = await existingFolder(resolve(replayFolder));
    const { bavail, bsize } = await statfs(folder);
    const freeGib = (bavail * bsize) / GIB;
    const speed = await writeSpeed(folder);
    const good = freeGib >= SPACE_WANTED_GIB && speed >= SPEED_WANTED_MIB_S;
    return [
      {
        name,
        status: good ? "ok" : "missing",
        found: `${freeGib.toFixed(1)} GiB free in ${folder}, ${speed.toFixed(0)} MiB/s`,
        gives,
        remedy: `Choose a folder with ${SPACE_WANTED_GIB} GiB free on a local disk that writes ${SPEED_WANTED_MIB_S} MiB/s.`,
        values: { folder, free_gib: freeGib, write_mib_s: speed },
      },
    ];
  } catch (thrown) {
    const remedy = "Choose another folder with --replay.";
    return [{ name, status: "broken", found: `cannot write: ${messageOf(thrown)}`, gives, remedy }];
  }
}

/** The folder itself, or the nearest one above it: a recording makes what is missing. */
async function existingFolder(folder: string): Promise<string> {
  try {
    await statfs(folder);
    return folder;
  } catch (cause) {
    if (dirname(folder) === folder) throw cause;
    return existingFolder(dirname(folder));
  }
}

async function writeSpeed(folder: string): Promise<number> {
  const scratch = await mkdtemp(join(folder, ".latentloop-doctor-"));
  try {
    const block = new Uint8Array(BLOCK).map((_, i) => (i * 31) ^ (i >> 8));
    const file = await open(join(scratch, "block"), "w");
    const beganMs = performance.now();
    for (let i = 0; i < (WRITTEN_MIB * MIB) / BLOCK; i++) await file.write(block);
    await file.sync();
    const seconds = (performance.now() - beganMs) / 1000;
    await file.close();
    return WRITTEN_MIB / seconds;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
