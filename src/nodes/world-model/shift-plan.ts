/**
 * Shifts a plan by the time that has passed, so that it warm-starts the next search: row k becomes the plan `steps` later.
 *
 * Fractions interpolate linearly between neighbouring rows; beyond its end a plan asks for nothing (zeros).
 * Shapes: actions, out [H, A] row-major; they may be the same array when steps ≥ 0. Timing: allocates nothing.
 */
export function shiftPlan(
  actions: Float32Array,
  actionDimension: number,
  steps: number,
  out: Float32Array,
): Float32Array {
  const horizon = actions.length / actionDimension;
  const whole = Math.floor(steps);
  const fraction = steps - whole;
  for (let k = 0; k < horizon; k++) {
    for (let i = 0; i < actionDimension; i++) {
      const here = k + whole < horizon ? actions[(k + whole) * actionDimension + i]! : 0;
      const next = k + whole + 1 < horizon ? actions[(k + whole + 1) * actionDimension + i]! : 0;
      out[k * actionDimension + i] = here + fraction * (next - here);
    }
  }
  return out;
}
