import { LatentloopError } from "../core/errors.ts";
import { keypointSystem } from "./keypoint/learner.ts";
import type { LearningSystem } from "./learner.ts";

/** Every learning system by the name that commands and manifests use. */
export const LEARNING_SYSTEMS: Readonly<Record<string, LearningSystem>> = { keypoint: keypointSystem };

/** @throws ERR_UNKNOWN_ALGORITHM */
export function learningSystem(name: string): LearningSystem {
  const system = LEARNING_SYSTEMS[name];
  if (system) return system;
  throw new LatentloopError("ERR_UNKNOWN_ALGORITHM", `Expected a learning system but received "${name}".`, {
    remedy: `Known: ${Object.keys(LEARNING_SYSTEMS).join(", ")}.`,
  });
}
