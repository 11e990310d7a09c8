import { keypoint } from "./keypoint.ts";
import { tdMpc2 } from "./td-mpc2.ts";
import { vaeAgent } from "./vae-agent.ts";
import type { WorldModel } from "./world-model.ts";

/** Every world model by the name that manifests and commands use. */
export const WORLD_MODELS = { keypoint, "td-mpc2": tdMpc2, "vae-agent": vaeAgent } as const satisfies Record<
  string,
  WorldModel
>;
export type WorldModelName = keyof typeof WORLD_MODELS;

export type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";
