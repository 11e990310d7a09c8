/** Share of the velocity limit `ticks` periods after the start: linear from `initialScale` to 1 within `rampTicks`. */
export function softStartScale(ticks: number, rampTicks: number, initialScale: number): number {
  return ticks >= rampTicks ? 1 : initialScale + ((1 - initialScale) * ticks) / rampTicks;
}
