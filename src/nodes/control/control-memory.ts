import { createRing } from "../../transport/shared-ring.ts";
import { createJointSlot } from "./joint-slot.ts";
import { LoopStatistics } from "./loop-statistics.ts";
import { createOperatorWords } from "./operator-words.ts";
import { createPlanSlot } from "./plan-slot.ts";
import { TickRecord } from "./tick-record.ts";
import { touchPages } from "./touch-pages.ts";

/** Everything that passes between the control thread and its host: shared memory only, polled by both. */
export interface ControlMemory {
  readonly joints: SharedArrayBuffer;
  readonly plans: SharedArrayBuffer;
  readonly operator: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
  readonly statistics: SharedArrayBuffer;
}

/** Ticks that the host may lag behind before it loses the oldest: 5 s at 200 Hz. */
const RECORD_DEPTH = 1000;

export function createControlMemory(jointCount: number, actionDimension: number, maxHorizon: number): ControlMemory {
  const memory: ControlMemory = {
    joints: createJointSlot(jointCount),
    plans: createPlanSlot(actionDimension, maxHorizon),
    operator: createOperatorWords(),
    records: createRing({
      depth: RECORD_DEPTH,
      maxMessageBytes: TickRecord.byteLength(jointCount, actionDimension),
    }),
    statistics: new LoopStatistics().memory,
  };
  for (const part of Object.values(memory)) touchPages(part);
  return memory;
}
