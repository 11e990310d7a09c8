import type { Clock } from "./clock.ts";

/**
 * Calls back on a fixed grid of times until the returned function is called; a slot that was missed is skipped.
 *
 * Timing: an event-loop timer, late by milliseconds on a busy machine. The control loop does not use it.
 */
export function startPeriodic(clock: Clock, periodMs: number, callback: () => void): () => void {
  const periodNs = periodMs * 1e6;
  let dueNs = clock.monotonicNs() + periodNs;
  const delayMs = () => Math.max(0, (dueNs - clock.monotonicNs()) / 1e6);
  const tick = () => {
    const behind = Math.floor((clock.monotonicNs() - dueNs) / periodNs);
    dueNs += (1 + Math.max(0, behind)) * periodNs;
    timer = setTimeout(tick, delayMs());
    callback();
  };
  let timer = setTimeout(tick, delayMs());
  return () => clearTimeout(timer);
}
