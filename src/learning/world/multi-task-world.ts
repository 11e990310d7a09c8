import { LatentloopError } from "../../core/errors.ts";
import type { Rng } from "../../core/rng.ts";
import type { TrainingWorld } from "./training-world.ts";

/** Between the names of the tasks that one world is made of. */
const SEPARATOR = ",";
/** Behind this in the proprioception's names stands a task. */
const TASK_FEATURE = "task.";

/** "a,b" → ["a", "b"]; a single task alone. */
export function taskNames(task: string): string[] {
  return task.split(SEPARATOR);
}

/** The tasks that a model of several was trained on, from the names of its proprioception; none for a model of one. */
export function tasksSensed(proprioception: readonly string[]): string[] {
  return proprioception.filter((name) => name.startsWith(TASK_FEATURE)).map((name) => name.slice(TASK_FEATURE.length));
}

/**
 * Several tasks as one world: an episode's seed decides which one is played, so that equal seeds play equal episodes.
 *
 * What is sensed and done has the size of the largest task: shorter proprioceptions are followed by zeros, and actions beyond a
 * task's own are not played. The last numbers of the proprioception say which task it is: 1 at its place, 0 elsewhere.
 */
export class MultiTaskWorld implements TrainingWorld {
  readonly task: string;
  readonly observationSpace: TrainingWorld["observationSpace"];
  readonly actionSpace: TrainingWorld["actionSpace"];
  readonly proprioceptionFeatures: TrainingWorld["proprioceptionFeatures"];
  /** The first task's: others may have another. */
  readonly controlRateHz: number;
  readonly episodeSteps: number;
  readonly actionRepeat: number;
  /** Action dimensions in use, task by task. */
  readonly actionSizes: readonly number[];
  readonly #worlds: readonly TrainingWorld[];
  readonly #only: number | undefined;
  #index = 0;

  /**
   * @param only a task to stay with, whatever the seeds
   * @throws ERR_INVALID_ARGUMENT if the tasks differ in the length of episodes or in cameras, or `only` is none of them
   */
  constructor(worlds: readonly TrainingWorld[], only?: string) {
    requireAlike(worlds);
    const [first] = worlds as readonly [TrainingWorld];
    const sensed = Math.max(...worlds.map(({ proprioceptionFeatures }) => proprioceptionFeatures.length));
    this.actionSizes = worlds.map(({ actionSpace }) => actionSpace.dimensions.length);
    const names = [
      ...Array.from({ length: sensed }, (_, i) => `sensed.${i}`),
      ...worlds.map(({ task }) => `${TASK_FEATURE}${task}`),
    ];
    this.task = worlds.map(({ task }) => task).join(SEPARATOR);
    this.controlRateHz = first.controlRateHz;
    this.episodeSteps = first.episodeSteps;
    this.actionRepeat = first.actionRepeat ?? 1;
    this.observationSpace = { cameras: first.observationSpace.cameras, proprioception: names };
    this.proprioceptionFeatures = names.map((name) => ({ name, offset: 0, scale: 1 }));
    this.actionSpace = {
      dimensions: Array.from({ length: Math.max(...this.actionSizes) }, (_, i) => ({
        name: `action.${i}`,
        unit: "1",
        low: -1,
        high: 1,
      })),
    };
    this.#worlds = worlds;
    this.#only = only === undefined ? undefined : worlds.findIndex(({ task }) => task === only);
    if (this.#only === -1) throw unlike(`one of ${this.task}`, `"${only}"`);
  }

  reset(seed: number): void {
    this.#index = this.#only ?? seed % this.#worlds.length;
    this.#world.reset(seed);
  }

  step(action: Float32Array): ReturnType<TrainingWorld["step"]> {
    return this.#world.step(action.subarray(0, this.actionSizes[this.#index]!));
  }

  renderInto(camera: string, out: Uint8Array): void {
    this.#world.renderInto(camera, out);
  }

  proprioceptionInto(out: Float32Array): void {
    const { length } = this.#world.proprioceptionFeatures;
    out.fill(0);
    this.#world.proprioceptionInto(out.subarray(0, length));
    out[out.length - this.#worlds.length + this.#index] = 1;
  }

  randomPolicy(rng: Rng): (out: Float32Array) => void {
    const draws = this.#worlds.map((world) => world.randomPolicy(rng));
    return (out) => {
      out.fill(0);
      draws[this.#index]!(out.subarray(0, this.actionSizes[this.#index]!));
    };
  }

  close(): void {
    for (const world of this.#worlds) world.close();
  }

  get #world(): TrainingWorld {
    return this.#worlds[this.#index]!;
  }
}

function requireAlike(worlds: readonly TrainingWorld[]): void {
  const traits = worlds.map(({ task, episodeSteps, actionRepeat = 1, observationSpace }) => ({
    task,
    traits: JSON.stringify([episodeSteps, actionRepeat, observationSpace.cameras]),
  }));
  const other = traits.find((each) => each.traits !== traits[0]!.traits);
  if (!other) return;
  throw unlike("tasks of one episode length and view", `${traits[0]!.task} and ${other.task}, which differ`);
}

function unlike(expected: string, received: string): LatentloopError {
  return new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${expected} but received ${received}.`);
}
