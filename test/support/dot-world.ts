import { Rng } from "../../src/core/rng.ts";
import type { TrainingWorld } from "../../src/learning/world/training-world.ts";

const SIDE = 64;
const REWARD_PER_M = -10;
/** Metres per step at full action. */
const STEP_M = 0.2;

/** A point on a square metre [-0.5, 0.5]² that is to reach a goal which only the camera sees: a task to learn in seconds. */
export class DotWorld implements TrainingWorld {
  readonly task = "dot";
  readonly controlRateHz = 10;
  readonly rewardPerM = REWARD_PER_M;
  readonly episodeSteps: number;
  readonly observationSpace = {
    cameras: [{ name: "scene", width: SIDE, height: SIDE }],
    proprioception: ["x.position", "y.position"],
  };
  readonly actionSpace = {
    dimensions: [
      { name: "x", unit: "m/s", low: -2, high: 2 },
      { name: "y", unit: "m/s", low: -2, high: 2 },
    ],
  } as const;
  readonly proprioceptionFeatures = this.observationSpace.proprioception.map((name) => ({ name, offset: 0, scale: 1 }));
  readonly position = new Float64Array(2);
  readonly goal = new Float64Array(2);
  resets = 0;

  constructor(episodeSteps = 6) {
    this.episodeSteps = episodeSteps;
  }

  reset(seed: number): void {
    const rng = new Rng(seed);
    this.resets++;
    for (let i = 0; i < 2; i++) this.position[i] = rng.uniform(-0.45, 0.45);
    this.retarget(rng);
  }

  retarget(rng: Rng): void {
    for (let i = 0; i < 2; i++) this.goal[i] = rng.uniform(-0.4, 0.4);
  }

  step(action: Float32Array) {
    for (let i = 0; i < 2; i++) {
      this.position[i] = Math.min(0.5, Math.max(-0.5, this.position[i]! + STEP_M * action[i]!));
    }
    const distance = Math.hypot(this.position[0]! - this.goal[0]!, this.position[1]! - this.goal[1]!);
    return { reward: REWARD_PER_M * distance, isTerminal: false, isLast: false, success: distance < 0.1 };
  }

  /** The goal as a bright square on grey. */
  renderInto(_camera: string, out: Uint8Array): void {
    out.fill(60);
    const [column, row] = [...this.goal].map((place) => Math.round((place + 0.5) * (SIDE - 1)));
    for (let y = Math.max(0, row! - 3); y <= Math.min(SIDE - 1, row! + 3); y++) {
      for (let x = Math.max(0, column! - 3); x <= Math.min(SIDE - 1, column! + 3); x++) {
        out.fill(220, (y * SIDE + x) * 3, (y * SIDE + x + 1) * 3);
      }
    }
  }

  proprioceptionInto(out: Float32Array): void {
    out.set(this.position);
  }

  randomPolicy(rng: Rng): (out: Float32Array) => void {
    return (out) => rng.fillUniform(out, -1, 1);
  }

  close(): void {}
}
