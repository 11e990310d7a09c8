import { LatentloopError } from "../../core/errors.ts";
import type { FineTuneSettings, ModelPart } from "./settings.ts";

/** A stretch of a fine-tuning run that trains some parts of the model. */
export interface TurnKind {
  readonly name: string;
  /** Of all updates, beside those of the other turns. */
  readonly share: number;
  /** What it is there for: it is left out where all of that is frozen. */
  readonly purpose: readonly ModelPart[];
}

/** A turn with its number of updates. */
export type PlannedTurn<Kind extends TurnKind> = Kind & { readonly updates: number };

/**
 * Shares a budget of updates out among the turns that change anything.
 * @throws ERR_INVALID_ARGUMENT if all of the model is frozen
 */
export function planTurns<Kind extends TurnKind>(
  kinds: readonly Kind[],
  { freeze }: Pick<FineTuneSettings, "freeze">,
  updates: number,
): PlannedTurn<Kind>[] {
  const useful = kinds.filter(({ purpose }) => !purpose.every((part) => freeze.includes(part)));
  if (useful.length === 0) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a part of the model to train but ${freeze.join(", ")} are frozen.`,
    );
  }
  const total = useful.reduce((sum, { share }) => sum + share, 0);
  return useful.map((kind) => ({ ...kind, updates: Math.max(1, Math.ceil((updates * kind.share) / total)) }));
}
