import { LatentloopError } from "../core/errors.ts";
import { type EnvironmentOptions, SimulatedEnvironment } from "./environment.ts";
import type { Task } from "./task.ts";
import { armReach } from "./tasks/arm-reach.ts";
import { reach } from "./tasks/reach.ts";

export const TASKS: readonly Task[] = [reach, armReach];

/** @throws ERR_SIM_TASK if no task has this name */
export function taskNamed(name: string): Task {
  const task = TASKS.find((candidate) => candidate.name === name);
  if (task) return task;
  throw new LatentloopError("ERR_SIM_TASK", `Expected the name of a simulated task but received "${name}".`, {
    remedy: `Tasks: ${TASKS.map((candidate) => candidate.name).join(", ")}.`,
  });
}

/** Opens a task for training or evaluation; close it when done. @throws ERR_SIM_TASK */
export function createEnvironment(task: string, options: EnvironmentOptions = {}): Promise<SimulatedEnvironment> {
  return SimulatedEnvironment.open(taskNamed(task), options);
}
