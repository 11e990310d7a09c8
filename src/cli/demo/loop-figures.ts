import type { LoopMeasurements } from "./loop-measurements.ts";

/** The figures of a loop that ended, as machines get them. */
export function loopFigures(measured: LoopMeasurements): object {
  const { latenessUs, cameraToCommandMs, planMs, rungs, limits } = measured;
  return {
    episodes: measured.episodes.length,
    ticks: measured.ticks,
    missed_ticks: measured.missedTicks,
    tick_lateness_us: {
      p50: rounded(latenessUs.percentile(0.5), 1),
      p99: rounded(latenessUs.percentile(0.99), 1),
      max: rounded(latenessUs.max, 1),
    },
    camera_to_command_ms: {
      p50: rounded(cameraToCommandMs.percentile(0.5), 2),
      p99: rounded(cameraToCommandMs.percentile(0.99), 2),
    },
    planner_ms: { p50: rounded(planMs.percentile(0.5), 2), p99: rounded(planMs.percentile(0.99), 2) },
    mean_return: rounded(measured.meanReturn, 2),
    success_rate: rounded(measured.successRate, 3),
    rungs,
    limits_hit: limits,
  };
}

/** How well the loop kept time, for people. */
export function timingLines({ ticks, missedTicks, latenessUs, cameraToCommandMs, planMs }: LoopMeasurements): string[] {
  return [
    `${ticks} control ticks, ${missedTicks} missed, late by ${latenessUs.percentile(0.5).toFixed(0)} µs p50, ${latenessUs.percentile(0.99).toFixed(0)} µs p99, ${latenessUs.max.toFixed(0)} µs at most`,
    `camera to command ${cameraToCommandMs.percentile(0.5).toFixed(1)} ms p50, ${cameraToCommandMs.percentile(0.99).toFixed(1)} ms p99, of which the policy step takes ${planMs.percentile(0.5).toFixed(1)} ms`,
  ];
}

/** A number with so many digits; JSON has no NaN. */
export function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
