import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "../../src/config/package-root.ts";
import { parseStrict } from "../../src/config/parse-strict.ts";
import { readManifest } from "../../src/inference/read-bundle.ts";
import { ModelsFolder } from "../../src/learning/models/models-folder.ts";
import { type TrainerParameters, trainerParameters } from "../../src/nodes/trainer/trainer-parameters.ts";

const program = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const REACH = join(root, "models", "reach-keypoint");

/** Gates that a few updates pass, for tests of what happens around them. */
const OPEN = { maxPeriodShare: 1e6 };
const WIDE = { tolerance: 1e6 };
export const OPEN_GATES = {
  latency: OPEN,
  "one-step": WIDE,
  "k-step": WIDE,
  reward: WIDE,
  "action-change": { enabled: false },
};

export interface TrainerSite {
  readonly folder: string;
  readonly models: ModelsFolder;
  readonly live: { readonly name: string; readonly hash: string };
  parameters(change?: object): TrainerParameters;
}

/** Records episodes of the two-joint arm into a folder, in simulated time. */
export async function recordReach(folder: string, episodes: number, seed: number): Promise<void> {
  const flags = `--policy random --task reach --size 64 --episode-seconds 2 --headless --json --min-free-megabytes 1`;
  const numbers = ["--episodes", String(episodes), "--seed", String(seed), "--out", folder];
  await promisify(execFile)(process.execPath, [program, "collect", ...flags.split(" "), ...numbers]);
}

/** A models folder with a live model, and a replay of twelve short episodes beside it. */
export async function openTrainerSite(): Promise<TrainerSite & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-trainer-"));
  const models = new ModelsFolder(join(folder, "models"));
  await cp(REACH, models.folderOf("first"), { recursive: true });
  const { modelHash } = await readManifest(models.folderOf("first"));
  const live = { name: "first", hash: modelHash };
  await models.promote(live, "test", "2026-01-02T03:04:05.678Z");
  await recordReach(join(folder, "replay"), 12, 1);
  return {
    folder,
    models,
    live,
    parameters: (change = {}) =>
      parseStrict(
        trainerParameters,
        {
          models: models.path,
          replay: join(folder, "replay"),
          folder: join(folder, "work"),
          newEpisodes: 6,
          followSeconds: 0.05,
          checkpointSeconds: 0.2,
          fineTuning: { updates: 100 },
          gates: OPEN_GATES,
          minFreeMegabytes: 0,
          maxLoadPerCore: 1000,
          niceness: 5,
          ...change,
        },
        "the test",
      ),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true });
    },
  };
}
