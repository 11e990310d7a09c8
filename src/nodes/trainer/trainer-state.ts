import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readConfig } from "../../config/read-config.ts";
import { LatentloopError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../learning/atomic-file.ts";
import { episodeRef } from "./chosen-episodes.ts";

const FILE = "trainer.json";
/** Candidates that are remembered: older ones are in the ledger. */
const REMEMBERED = 100;

const modelRef = z.strictObject({ name: z.string(), hash: z.string() });

/** A run, as it is begun again after a crash. */
const openRun = z.strictObject({
  live: modelRef,
  seed: z.int(),
  fresh: z.array(episodeRef),
  heldOut: z.array(episodeRef),
  old: z.array(episodeRef),
});
export type OpenRun = z.output<typeof openRun>;

const trainerState = z.strictObject({
  version: z.literal(1),
  /** Number of the newest run. */
  runs: z.int(),
  /** Whole episodes in the replay when it began. */
  episodes: z.int(),
  open: openRun.nullable(),
  /** What runs came to, oldest first; `hash` is null where there was no bundle. */
  candidates: z.array(z.strictObject({ name: z.string(), hash: z.string().nullable() })),
});
export type TrainerState = z.output<typeof trainerState>;

/** What the trainer of a folder has begun and proposed. @throws ERR_TRAINER if it cannot be read */
export async function readTrainerState(folder: string): Promise<TrainerState> {
  const path = join(folder, FILE);
  try {
    return await readConfig(trainerState, path);
  } catch (thrown) {
    if (!(thrown instanceof LatentloopError)) throw thrown;
    const cause = thrown.cause as NodeJS.ErrnoException | undefined;
    if (thrown.code === "ERR_FILE_UNREADABLE" && cause?.code === "ENOENT") {
      return { version: 1, runs: 0, episodes: 0, open: null, candidates: [] };
    }
    throw new LatentloopError("ERR_TRAINER", `Expected the trainer's state: ${thrown.message}`, {
      remedy: `Move ${path} away: the trainer then begins anew. Models and their ledger are not touched.`,
      cause: thrown,
    });
  }
}

export async function writeTrainerState(folder: string, state: TrainerState): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kept = { ...state, candidates: state.candidates.slice(-REMEMBERED) };
  await writeFileAtomically(join(folder, FILE), [Buffer.from(`${JSON.stringify(kept, null, 2)}\n`)]);
}

/** Where a run's checkpoint lies. */
export function checkpointOf(folder: string, run: number): string {
  return join(folder, `run-${run}.safetensors`);
}
