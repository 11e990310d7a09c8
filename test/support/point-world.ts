import { Rng } from "../../src/core/rng.ts";
import type { TrainingWorld } from "../../src/learning/world/training-world.ts";

/** Metres per step at full action. */
const STEP_M = 0.2;

/** A point in as many dimensions as asked for that senses where it is and a goal, and is to reach the goal, or its mirror image. */
export class PointWorld implements TrainingWorld {
  readonly task: string;
  readonly controlRateHz = 10;
  readonly episodeSteps: number;
  readonly observationSpace: TrainingWorld["observationSpace"];
  readonly actionSpace: TrainingWorld["actionSpace"];
  readonly proprioceptionFeatures: TrainingWorld["proprioceptionFeatures"];
  readonly #position: Float64Array;
  readonly #goal: Float64Array;
  readonly #mirrored: boolean;

  constructor(task: string, dimensions: number, { mirrored = false, episodeSteps = 6 } = {}) {
    const axes = Array.from({ length: dimensions }, (_, i) => `axis${i}`);
    const sensed = [...axes.map((axis) => `${axis}.position`), ...axes.map((axis) => `${axis}.goal`)];
    this.task = task;
    this.episodeSteps = episodeSteps;
    this.observationSpace = { cameras: [], proprioception: sensed };
    this.proprioceptionFeatures = sensed.map((name) => ({ name, offset: 0, scale: 1 }));
    this.actionSpace = { dimensions: axes.map((name) => ({ name, unit: "m/s", low: -2, high: 2 })) };
    this.#position = new Float64Array(dimensions);
    this.#goal = new Float64Array(dimensions);
    this.#mirrored = mirrored;
  }

  reset(seed: number): void {
    const rng = new Rng(seed);
    for (const place of [this.#position, this.#goal]) {
      for (let i = 0; i < place.length; i++) place[i] = rng.uniform(-0.5, 0.5);
    }
  }

  step(action: Float32Array) {
    if (action.length !== this.#position.length) throw new Error(`${this.task} got ${action.length} actions`);
    let squares = 0;
    for (let i = 0; i < action.length; i++) {
      this.#position[i] = Math.min(0.6, Math.max(-0.6, this.#position[i]! + STEP_M * action[i]!));
      squares += (this.#position[i]! - (this.#mirrored ? -1 : 1) * this.#goal[i]!) ** 2;
    }
    const distance = Math.sqrt(squares);
    return { reward: -10 * distance, isTerminal: false, isLast: false, success: distance < 0.1 };
  }

  renderInto(): void {}

  proprioceptionInto(out: Float32Array): void {
    out.set(this.#position);
    out.set(this.#goal, this.#position.length);
  }

  randomPolicy(rng: Rng): (out: Float32Array) => void {
    return (out) => rng.fillUniform(out, -1, 1);
  }

  close(): void {}
}
