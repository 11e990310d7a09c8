import type { Rng } from "../core/rng.ts";

/** How likely a step draws a new action: about three steps with each. */
const CHANGE_PROBABILITY = 0.35;
/** Draws wider than the limits and then cut make full speed likely. */
const OVERDRIVE = 1.4;

/**
 * Random actions that hold for a few steps, which moves a robot much further than independent draws do.
 *
 * The returned function writes the next action [A] into `out`.
 */
export function randomPolicy(rng: Rng, actionDimension: number): (out: Float32Array) => void {
  const action = new Float32Array(actionDimension);
  rng.fillUniform(action, -1, 1);
  return (out) => {
    if (rng.uniform() < CHANGE_PROBABILITY) {
      for (let i = 0; i < actionDimension; i++) {
        action[i] = Math.min(1, Math.max(-1, rng.uniform(-OVERDRIVE, OVERDRIVE)));
      }
    }
    out.set(action);
  };
}
