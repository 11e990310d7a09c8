import type { LedgerEvent } from "../../learning/models/ledger.ts";
import { NODE } from "../world-model/swap-ledger.ts";

/** What became of a candidate: `passed` waits to be adopted, `trial` runs beside the live model or is under watch. */
export type Fate = "refused" | "passed" | "trial" | "kept" | "rolled-back";

/** A trial that has said nothing for so long has ended with its node, but for a watch. */
const LONGEST_TRIAL_MS = 10 * 60_000;

/** By the newest thing that the ledger says of it. A run that came to no bundle has no hash and counts as refused. */
export function fateOf(hash: string | null, events: readonly LedgerEvent[], nowMs: number): Fate {
  const last = hash === null ? undefined : events.findLast(({ model }) => model.hash === hash);
  if (last === undefined) return "refused";
  switch (last.event) {
    case "judged":
      return last.passed ? "passed" : "refused";
    case "shadowed":
      if (!last.passed) return "refused";
      return isRecent(last, nowMs) ? "trial" : "passed";
    case "promoted":
      return isRecent(last, nowMs) || isWatched(last, events) ? "trial" : "kept";
    default:
      return last.event;
  }
}

/** Refused and rolled-back candidates since the last one that was not. */
export function rejectedInARow(fates: readonly Fate[]): number {
  const accepted = fates.findLastIndex((fate) => fate !== "refused" && fate !== "rolled-back");
  return fates.length - 1 - accepted;
}

/**
 * New episodes that a run waits for: twice as many after each rejection in a row, so that a trainer that has nothing better to
 * offer does not offer it again and again.
 */
export function episodesToWaitFor(newEpisodes: number, rejected: number): number {
  return newEpisodes * 2 ** Math.min(rejected, 6);
}

/** The watch of a robot that rests goes on: it ends with what the node says, or with another model's turn. */
function isWatched(promotion: LedgerEvent & { event: "promoted" }, events: readonly LedgerEvent[]): boolean {
  return promotion.by === NODE && events.findLast(({ event }) => event === "promoted") === promotion;
}

function isRecent({ at }: LedgerEvent, nowMs: number): boolean {
  return nowMs - Date.parse(at) < LONGEST_TRIAL_MS;
}
