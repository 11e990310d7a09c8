/** 0 before 0, 1 after 1, flat at both ends. Timing: safe in the control loop. */
export function smoothStep(t: number): number {
  const x = Math.min(Math.max(t, 0), 1);
  return x * x * (3 - 2 * x);
}
