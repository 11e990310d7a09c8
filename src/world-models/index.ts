import { dreamerV3 } from "./dreamer.ts";
import { keypoint } from "./keypoint.ts";
import { planet } from "./planet.ts";
import { tdMpc2 } from "./td-mpc2.ts";
import { vaeAgent } from "./vae-agent.ts";
import type { WorldModel } from "./world-model.ts";

/** Every world model by the name that manifests and commands use. */
export const WORLD_MODELS = {
  keypoint,
  "vae-agent": vaeAgent,
  planet,
  "dreamer-v3": dreamerV3,
  "td-mpc2": tdMpc2,
} as const satisfies Record<string, WorldModel>;
export type WorldModelName = keyof typeof WORLD_MODELS;

export type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";
