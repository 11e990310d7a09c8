import { cem } from "./cem.ts";
import { mppi } from "./mppi.ts";
import { randomShooting } from "./random-shooting.ts";
import type { SearchMethod } from "./search.ts";

/** Every sampling planner, by the name that manifests and configurations use. */
export const PLANNERS = { cem, mppi, "random-shooting": randomShooting } as const satisfies Record<
  string,
  SearchMethod
>;
export type PlannerName = keyof typeof PLANNERS;

export type { PlannableModel } from "./plannable-model.ts";
export { PlannerConfig } from "./planner-config.ts";
