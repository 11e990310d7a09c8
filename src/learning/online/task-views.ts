import type { ObservationKind, SystemChoice, WorldView } from "../learner.ts";
import { taskNames } from "../world/multi-task-world.ts";

/** How a system without knowledge of a task looks at it. */
interface TaskView {
  readonly observation: ObservationKind;
  readonly cameras: readonly string[];
  readonly actionRepeat: number;
}

const CONTROL_SUITE: TaskView = { observation: "state", cameras: ["scene"], actionRepeat: 2 };

/** Tasks that are seen otherwise than `OTHERWISE`. */
const VIEWS: Readonly<Record<string, TaskView>> = {
  "cartpole-swingup": CONTROL_SUITE,
  "reacher-easy": CONTROL_SUITE,
  "finger-spin": CONTROL_SUITE,
  "walker-walk": CONTROL_SUITE,
};
const OTHERWISE: TaskView = { observation: "both", cameras: ["scene"], actionRepeat: 1 };
const IMAGE_SIDE = 64;

/** What is sensed of a task: as the caller chooses, by default pixels and proprioception, and the state in the control suite. */
export function observationOf(task: string, { observation }: SystemChoice = {}): ObservationKind {
  return observation ?? viewed(task).observation;
}

/** The view that goes with it. */
export function viewOf(task: string, choice: SystemChoice = {}): WorldView {
  const { cameras, actionRepeat } = viewed(task);
  const observation = observationOf(task, choice);
  return {
    cameras: observation === "state" ? [] : cameras,
    width: IMAGE_SIDE,
    height: IMAGE_SIDE,
    proprioception: observation !== "pixels",
    actionRepeat,
  };
}

/** Several tasks of one run are seen as the first one is. */
function viewed(task: string): TaskView {
  return VIEWS[taskNames(task)[0]!] ?? OTHERWISE;
}
