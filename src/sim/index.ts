import { LatentloopError } from "../core/errors.ts";
import { type EnvironmentOptions, SimulatedEnvironment } from "./environment.ts";
import type { Task } from "./task.ts";
import { armPush } from "./tasks/arm-push.ts";
import { armReach } from "./tasks/arm-reach.ts";
import { cartpoleSwingup } from "./tasks/cartpole-swingup.ts";
import { fingerSpin } from "./tasks/finger-spin.ts";
import { reach } from "./tasks/reach.ts";
import { reacherEasy } from "./tasks/reacher-easy.ts";
import { walkerWalk } from "./tasks/walker-walk.ts";

export const TASKS: readonly Task[] = [reach, armReach, armPush, cartpoleSwingup, reacherEasy, fingerSpin, walkerWalk];

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
