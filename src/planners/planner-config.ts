import { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import type { PlannableModel } from "./plannable-model.ts";

/** The parameters of a search, under the names that the field uses. */
export const PlannerConfig = z.strictObject({
  horizon: z.int().positive().describe("steps planned ahead"),
  iterations: z.int().positive().describe("rounds of proposing, rolling out and refining"),
  candidates: z.int().positive().describe("action sequences per iteration, those of the policy prior included"),
  policyCandidates: z.int().nonnegative().describe("how many of them the policy prior proposes"),
  elites: z.int().positive().describe("best candidates that the next mean is made of"),
  discount: z.number().positive().max(1).describe("weight of each step's reward relative to the step before"),
  temperature: z.number().nonnegative().describe("MPPI: how much better returns outweigh others, 1 / return"),
  momentum: z.number().min(0).lt(1).describe("share of the previous mean that an iteration keeps"),
  minStd: z.number().nonnegative().describe("smallest standard deviation of the proposals, normalised action"),
  maxStd: z.number().positive().describe("largest standard deviation, and that of the first iteration"),
  uncertaintyPenalty: z.number().nonnegative().describe("return given up per unit of the model's uncertainty"),
  actionLow: z.array(z.number()).optional().describe("smallest action per dimension, instead of -1"),
  actionHigh: z.array(z.number()).optional().describe("largest action per dimension, instead of 1"),
});
export type PlannerConfig = z.infer<typeof PlannerConfig>;

/** @throws ERR_INVALID_ARGUMENT if the parameters contradict each other or the model cannot serve them */
export function checkConfig(config: PlannerConfig, model: PlannableModel): void {
  const parsed = PlannerConfig.safeParse(config);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`a valid ${issue?.path.join(".")} for a planner`, issue?.message ?? "");
  }
  const { candidates, policyCandidates, elites, minStd, maxStd, uncertaintyPenalty, actionLow, actionHigh } = config;
  if (elites > candidates) throw invalid(`at most ${candidates} elites, the number of candidates,`, elites);
  if (policyCandidates >= candidates) throw invalid(`fewer than ${candidates} policyCandidates`, policyCandidates);
  if (policyCandidates > 0 && !model.policy)
    throw invalid("no policyCandidates for a model without policy", policyCandidates);
  if (minStd > maxStd) throw invalid(`minStd of at most maxStd ${maxStd}`, minStd);
  if (uncertaintyPenalty > 0 && !model.uncertainty) {
    throw invalid("no uncertaintyPenalty for a model without uncertainty", uncertaintyPenalty);
  }
  for (const [name, limits] of Object.entries({ actionLow, actionHigh })) {
    if (limits && limits.length !== model.actionSize)
      throw invalid(`${model.actionSize} numbers for ${name}`, limits.length);
  }
  if (actionLow?.some((low, i) => low > (actionHigh?.[i] ?? 1)))
    throw invalid("actionLow below actionHigh", actionLow.join());
  if (actionHigh?.some((high, i) => high < (actionLow?.[i] ?? -1)))
    throw invalid("actionHigh above actionLow", actionHigh.join());
}

function invalid(expected: string, received: string | number): LatentloopError {
  return new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${expected} but received ${received}.`);
}
