import { LatentloopError } from "../core/errors.ts";
import { dreamerV3System } from "./dreamer-v3/system.ts";
import { keypointSystem } from "./keypoint/learner.ts";
import type { LearningSystem } from "./learner.ts";
import { planetSystem } from "./planet/system.ts";
import { tdMpc2System } from "./td-mpc2/system.ts";
import { vaeAgentSystem } from "./vae-agent/system.ts";

/** Every learning system. */
export const LEARNING_SYSTEMS: readonly LearningSystem[] = [
  keypointSystem,
  vaeAgentSystem,
  planetSystem,
  dreamerV3System,
  tdMpc2System,
];

/** @throws ERR_UNKNOWN_SIZE */
export function requireSize({ name, sizes = [] }: LearningSystem, size: string | undefined): void {
  if (size === undefined || sizes.includes(size)) return;
  throw new LatentloopError("ERR_UNKNOWN_SIZE", `Expected a size of ${name} but received "${size}".`, {
    remedy: sizes.length > 0 ? `Sizes: ${sizes.join(", ")}.` : `${name} has one size: leave the size out.`,
  });
}

/** @throws ERR_UNKNOWN_ALGORITHM if no system has this name */
export function learningSystem(name: string): LearningSystem {
  const system = LEARNING_SYSTEMS.find((candidate) => candidate.name === name);
  if (system) return system;
  throw new LatentloopError("ERR_UNKNOWN_ALGORITHM", `Expected a learning system but received "${name}".`, {
    remedy: `Known: ${LEARNING_SYSTEMS.map((candidate) => candidate.name).join(", ")}.`,
  });
}
