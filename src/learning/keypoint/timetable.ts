import { Timetable } from "../optimization/timetable.ts";
import type { Turn } from "./recipe.ts";

/** What an episode or an update costs beside the others. Units: ms on one slow core */
const COST_MS = { collect: 60, representation: 14, dynamics: 4.5, decoder: 12 };

/** How a run of these turns divides its updates, or its time. */
export function keypointTimetable(turns: readonly Turn[], seconds: number | undefined): Timetable {
  const timed = turns.map((turn) => {
    const collects = turn.kind === "collect";
    return { count: collects ? turn.episodes : turn.updates, cost: COST_MS[turn.kind], collects };
  });
  return new Timetable(timed, seconds);
}
