import { type Plan, RUNGS } from "../../core/plan.ts";
import { createLatestSlot, LatestSlotReader, LatestSlotWriter } from "../../transport/latest-slot.ts";

/** Float64 fields of the record, in order. Behind them: stamp (int64), model hash (8 bytes), actions (float32). */
const FIELDS = [
  "id",
  "horizon",
  "actionDimension",
  "startNs",
  "stepPeriodNs",
  "observationArrivalNs",
  "arrivalNs",
  "rung",
  "value",
  "surprise",
  "delayNs",
  "computeNs",
] as const;
type Field = (typeof FIELDS)[number];
const INDEX = Object.fromEntries(FIELDS.map((name, i) => [name, i])) as Record<Field, number>;
const IDENTITY_OFFSET = 8 * FIELDS.length;
const ACTIONS_OFFSET = IDENTITY_OFFSET + 16;

export function createPlanSlot(actionDimension: number, maxHorizon: number): SharedArrayBuffer {
  return createLatestSlot(ACTIONS_OFFSET + 4 * actionDimension * maxHorizon);
}

/** The newest plan, written by the host of the control thread. */
export class PlanSlotWriter {
  readonly #slot: LatestSlotWriter;
  readonly #fields: Float64Array;
  readonly #stamp: BigInt64Array;
  readonly #hash: Buffer;
  readonly #actions: Float32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#slot = new LatestSlotWriter(memory);
    const { record } = this.#slot;
    this.#fields = new Float64Array(record, 0, FIELDS.length);
    this.#stamp = new BigInt64Array(record, IDENTITY_OFFSET, 1);
    this.#hash = Buffer.from(record, IDENTITY_OFFSET + 8, 8);
    this.#actions = new Float32Array(record, ACTIONS_OFFSET);
  }

  /** Writes the plan unless its actions do not fit; the follower checks the rest. */
  write(plan: Plan, arrivalNs: number): boolean {
    if (plan.actions.length > this.#actions.length) return false;
    const { actions, observationStampNs, modelHash, rung, ...numbers } = plan;
    const fields: Record<Field, number> = { ...numbers, arrivalNs, rung: RUNGS.indexOf(rung) };
    for (const name of FIELDS) this.#fields[INDEX[name]] = fields[name];
    this.#stamp[0] = observationStampNs;
    this.#hash.fill(0).write(modelHash, "hex");
    this.#actions.fill(Number.NaN).set(actions);
    this.#slot.publish();
    return true;
  }
}

/** The control thread's end: a plan whose fields are read in place. Timing: safe in the control loop. */
export class PlanSlotReader {
  readonly actions: Float32Array;
  /** Capture stamp and model hash as raw words: the loop only hands them on. */
  readonly identity: Int32Array;
  readonly #slot: LatestSlotReader;
  readonly #fields: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#slot = new LatestSlotReader(memory);
    const { record } = this.#slot;
    this.#fields = new Float64Array(record, 0, FIELDS.length);
    this.identity = new Int32Array(record, IDENTITY_OFFSET, 4);
    this.actions = new Float32Array(record, ACTIONS_OFFSET);
  }

  refresh(): boolean {
    return this.#slot.refresh();
  }

  get id(): number {
    return this.#fields[INDEX.id]!;
  }
  get horizon(): number {
    return this.#fields[INDEX.horizon]!;
  }
  get actionDimension(): number {
    return this.#fields[INDEX.actionDimension]!;
  }
  get startNs(): number {
    return this.#fields[INDEX.startNs]!;
  }
  get stepPeriodNs(): number {
    return this.#fields[INDEX.stepPeriodNs]!;
  }
  get observationArrivalNs(): number {
    return this.#fields[INDEX.observationArrivalNs]!;
  }
  get arrivalNs(): number {
    return this.#fields[INDEX.arrivalNs]!;
  }
  get rung(): number {
    return this.#fields[INDEX.rung]!;
  }
  get surprise(): number {
    return this.#fields[INDEX.surprise]!;
  }
}
