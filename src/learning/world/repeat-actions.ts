import type { TrainingWorld } from "./training-world.ts";

/**
 * The same world at a lower rate: each action is held for `count` control steps and their rewards are added up. The world is a
 * plain object of functions.
 *
 * Environment steps stay the task's control steps: `actionRepeat` says how many one step here makes.
 */
export function repeatActions(world: TrainingWorld, count: number): TrainingWorld {
  if (count === 1) return world;
  return {
    ...world,
    actionRepeat: count * (world.actionRepeat ?? 1),
    controlRateHz: world.controlRateHz / count,
    episodeSteps: Math.ceil(world.episodeSteps / count),
    step(action) {
      let result = world.step(action);
      let reward = result.reward;
      for (let i = 1; i < count && !result.isLast && !result.isTerminal; i++) {
        result = world.step(action);
        reward += result.reward;
      }
      return { ...result, reward };
    },
  };
}
