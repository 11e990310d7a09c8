import { concat, type Step, type Sym, slice, stopGradient } from "../../graph/index.ts";
import { packState, type Rssm, type RssmState } from "../../world-models/rssm.ts";

export interface CarriedMemory {
  /** Packed states before the first frames; undefined: nothing is remembered. Shapes: [B, D + Z + K] */
  readonly begin: Sym | undefined;
  /** Hands states on to the next update. Shapes: of B rows */
  leave(ends: RssmState): void;
}

const MEMORY = "memory";

/**
 * Memories for sequences to begin with: for a share of the rows what the sequences of the update before ended with, whatever
 * those showed; none for the others.
 *
 * Sequences are short, and a robot's belief is many times as old: its accuracy would be lost with age.
 */
export function carriedMemory(step: Step, { latentSize }: Rssm, rows: number, share = 0): CarriedMemory {
  const carried = Math.round(share * rows);
  if (carried === 0) return { begin: undefined, leave: () => undefined };
  const fresh = rows - carried;
  const memory = step.carried(MEMORY, [carried, latentSize]);
  const nothing = step.graph.constant(new Float32Array(fresh * latentSize), [fresh, latentSize]);
  return {
    begin: fresh === 0 ? memory : concat([nothing, memory], 0),
    leave: (ends) => step.carry(MEMORY, stopGradient(slice(packState(ends), 0, fresh))),
  };
}
