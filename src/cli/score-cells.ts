import type { Evaluation } from "../learning/run/evaluate.ts";

export const SCORE_HEADING = ["return", "success", "distance at the end"];

/** What an evaluation found, under `SCORE_HEADING`. */
export function scoreCells({ meanReturn, successRate, meanFinalDistanceM }: Evaluation): string[] {
  const distance = meanFinalDistanceM === undefined ? "" : `${(100 * meanFinalDistanceM).toFixed(2)} cm`;
  return [meanReturn.toFixed(1), `${(100 * successRate).toFixed(0)} %`, distance];
}
