import type { FineTuneSettings, ModelPart } from "./settings.ts";
import { planTurns, type TurnKind } from "./turns.ts";

interface JointTurnKind extends TurnKind {
  readonly learns: readonly ModelPart[];
  /** The setting that says how much of its batches is old. */
  readonly oldShare: "oldShare" | "oldDynamicsShare";
}

/**
 * First what is seen gets its old meaning, then it is learned what actions do, and with it how to act: nothing moves the ground
 * under the dynamics while they learn, and each turn has the old data that it needs.
 */
const TURNS: readonly JointTurnKind[] = [
  {
    name: "encoder",
    share: 0.6,
    purpose: ["encoder", "decoder"],
    learns: ["encoder", "decoder", "heads"],
    oldShare: "oldShare",
  },
  {
    name: "dynamics",
    share: 0.4,
    purpose: ["dynamics", "heads", "behaviour"],
    learns: ["dynamics", "heads", "behaviour"],
    oldShare: "oldDynamicsShare",
  },
];
/** Part of the updates in which what the bundle lacks is learned anew. */
const RELEARNING_SHARE = 0.1;

/** Part of the model by the scope that a parameter's name begins with; of two that fit the longer one counts. */
export type PartsByScope = Readonly<Record<string, ModelPart>>;

/** A turn of an update that trains all networks: what it lets learn, and from what. */
export interface PlannedJointTurn {
  readonly name: string;
  readonly updates: number;
  /** Part of its batches that is old. */
  readonly oldShare: number;
  learns(parameter: string): boolean;
}

/**
 * The turns of a system that trains all its networks by one update.
 *
 * @param missing parameters that the bundle does not hold: they are learned first, as the live model's own would be, on old data
 * where there is any
 * @throws ERR_INVALID_ARGUMENT if all of the model is frozen
 */
export function planJointTurns(
  settings: FineTuneSettings & { readonly updates: number },
  parts: PartsByScope,
  missing: ReadonlySet<string>,
): PlannedJointTurn[] {
  const relearning = missing.size > 0 ? Math.ceil(settings.updates * RELEARNING_SHARE) : 0;
  const has = (part: ModelPart) => Object.values(parts).includes(part);
  const kinds = TURNS.map((kind) => ({ ...kind, purpose: kind.purpose.filter(has) }));
  const turns = planTurns(kinds, settings, settings.updates - relearning).map(
    ({ name, updates, learns, oldShare }): PlannedJointTurn => ({
      name,
      updates,
      oldShare: settings[oldShare],
      learns: (parameter) => {
        const part = partOf(parameter, parts);
        return learns.includes(part) && !settings.freeze.includes(part);
      },
    }),
  );
  if (relearning === 0) return turns;
  const relearn = { name: "relearning", updates: relearning, oldShare: 1, learns: (name: string) => missing.has(name) };
  return [relearn, ...turns];
}

export function partOf(parameter: string, parts: PartsByScope): ModelPart {
  const scopes = Object.keys(parts).filter((scope) => isInScope(parameter, scope));
  const longest = scopes.reduce((best, scope) => (scope.length > best.length ? scope : best));
  return parts[longest]!;
}

export function isInScope(parameter: string, scope: string): boolean {
  return parameter.startsWith(`${scope}/`);
}
