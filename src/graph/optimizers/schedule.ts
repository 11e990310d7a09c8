/** Learning rate as a function of the number of updates already made. Computed outside the graph, fed as an input. */
export type Schedule = (update: number) => number;

export function constantRate(rate: number): Schedule {
  return () => rate;
}

/** From 0 up to the schedule's own rate over the first `updates`. */
export function warmUp(updates: number, schedule: number | Schedule): Schedule {
  const then = toSchedule(schedule);
  return (update) => then(update) * Math.min(1, (update + 1) / Math.max(1, updates));
}

/** From `from` to `to` along a straight line over `updates`, then constant. */
export function linearDecay(from: number, to: number, updates: number): Schedule {
  return (update) => from + (to - from) * Math.min(1, update / updates);
}

/** From `from` to `to` along half a cosine over `updates`, then constant. Source: arXiv:1608.03983, eq. 5. */
export function cosineDecay(from: number, to: number, updates: number): Schedule {
  return (update) => to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * Math.min(1, update / updates)));
}

export function toSchedule(rate: number | Schedule): Schedule {
  return typeof rate === "number" ? constantRate(rate) : rate;
}
