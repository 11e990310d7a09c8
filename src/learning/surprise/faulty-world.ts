import type { StepResult } from "../../core/environment.ts";
import { Rng } from "../../core/rng.ts";
import type { TrainingWorld } from "../world/training-world.ts";

/** What can go wrong with what a robot sees, to rehearse how soon a model is surprised. */
export const FAULTS = {
  occluded: "a dark patch covers the middle half of every image",
  black: "every image is black",
  frozen: "every image is the last one before",
  moved: "the camera stands elsewhere",
  goal: "the goal is somewhere else all of a sudden",
  pushed: "a hand from outside pushes the object",
} as const;
export type Fault = keyof typeof FAULTS;

const DARK = 20;

/** A world that goes wrong at a step of the episode. */
export class FaultyWorld {
  /** The world to act in. */
  readonly world: TrainingWorld;
  readonly #moved: TrainingWorld;
  readonly #frozen = new Map<string, Uint8Array>();
  #fault: Fault | undefined;
  #fromStep = 0;
  #step = 0;

  /** @param moved the same task through a camera that stands elsewhere; it is stepped alike */
  constructor(nominal: TrainingWorld, moved: TrainingWorld) {
    this.#moved = moved;
    const { retarget, pushObject } = nominal;
    this.world = {
      ...nominal,
      ...(retarget && { retarget: (rng) => nominal.retarget!(rng) }),
      ...(pushObject && { pushObject: (rng) => nominal.pushObject!(rng) }),
      randomPolicy: (rng) => nominal.randomPolicy(rng),
      proprioceptionInto: (out) => nominal.proprioceptionInto(out),
      close: () => nominal.close(),
      reset: (seed) => {
        this.#step = 0;
        nominal.reset(seed);
        moved.reset(seed);
      },
      step: (action) => this.#advance(nominal, action),
      renderInto: (camera, out) => this.#render(nominal, camera, out),
    };
  }

  /** From this step of every episode on it goes wrong; undefined: never. */
  rehearse(fault: Fault | undefined, fromStep: number): void {
    this.#fault = fault;
    this.#fromStep = fromStep;
  }

  /** Those that can be rehearsed: the task has what they are about. */
  get faults(): readonly Fault[] {
    const { retarget, pushObject } = this.world;
    const impossible = { goal: !retarget, pushed: !pushObject } as Partial<Record<Fault, boolean>>;
    return (Object.keys(FAULTS) as Fault[]).filter((fault) => !impossible[fault]);
  }

  #advance(nominal: TrainingWorld, action: Float32Array): StepResult {
    this.#step++;
    const begins = this.#step === this.#fromStep;
    const worlds = [nominal, this.#moved];
    if (begins && this.#fault === "pushed") for (const world of worlds) world.pushObject?.(new Rng(this.#fromStep));
    const result = nominal.step(action);
    this.#moved.step(action);
    if (begins && this.#fault === "goal") for (const world of worlds) world.retarget?.(new Rng(this.#fromStep));
    return result;
  }

  #render(nominal: TrainingWorld, camera: string, out: Uint8Array): void {
    const isWrong = this.#fault !== undefined && this.#step >= this.#fromStep;
    if (isWrong && this.#fault === "moved") this.#moved.renderInto(camera, out);
    else nominal.renderInto(camera, out);
    if (!isWrong) this.#frozen.set(camera, out.slice());
    else if (this.#fault === "frozen") out.set(this.#frozen.get(camera) ?? out);
    else if (this.#fault === "black") out.fill(0);
    else if (this.#fault === "occluded") this.#cover(camera, out);
  }

  #cover(camera: string, out: Uint8Array): void {
    const { width, height } = this.world.observationSpace.cameras.find(({ name }) => name === camera)!;
    for (let y = Math.floor(height / 4); y < (3 * height) / 4; y++) {
      out.fill(DARK, 3 * (y * width + Math.floor(width / 4)), 3 * (y * width + Math.ceil((3 * width) / 4)));
    }
  }
}
