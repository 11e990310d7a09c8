import type { LoopMeasurements } from "./loop-measurements.ts";

/** The lines of a view of the running loop for so many episodes. */
export function renderLoop(title: string, totalEpisodes: number, measured: LoopMeasurements): string[] {
  const { length } = measured.episodes;
  const bar = "█".repeat(Math.round((24 * length) / totalEpisodes)).padEnd(24, "░");
  return [
    title,
    `  ${bar} episode ${Math.min(length + 1, totalEpisodes)} of ${totalEpisodes}`,
    ...renderFigures(measured),
  ];
}

/** The figures of a running loop, line by line. */
export function renderFigures(measured: LoopMeasurements): string[] {
  const { current, episodes, latenessUs, cameraToCommandMs, planMs, limits, rungs } = measured;
  const successes = episodes.filter(({ success }) => success).length;
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(" · ") || "none";
  const recent = episodes
    .slice(-40)
    .map(({ success }) => (success ? "●" : "○"))
    .join("");
  return [
    `  success    ${successes} of ${episodes.length}  ${recent}`,
    `  return     ${current.return.toFixed(1)} now · ${format(measured.meanReturn, 1)} mean · reward ${current.reward.toFixed(3)}`,
    `  rates      commands ${measured.commandRateHz.toFixed(1)} Hz · plans ${measured.policyRateHz.toFixed(1)} Hz · ${measured.status}`,
    `  lateness   ${format(latenessUs.percentile(0.5))} µs p50 · ${format(latenessUs.percentile(0.99))} µs p99 · missed ${measured.missedTicks} of ${measured.ticks}`,
    `  latency    camera → command ${format(cameraToCommandMs.percentile(0.5), 1)} ms p50 · ${format(cameraToCommandMs.percentile(0.99), 1)} ms p99 · planning ${format(planMs.percentile(0.5), 1)} ms`,
    `  plans      ${counts(rungs)} · surprise ${measured.surprise.toPrecision(3)}`,
    `  limits hit ${counts(limits)}`,
  ];
}

function format(value: number, digits = 0): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}
