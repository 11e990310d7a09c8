/** Float64 fields at the head of a record, in order: Tick.msg says what each means, the last eight TickInput.msg. */
const FIELDS = [
  "tick",
  "deadlineNs",
  "beginNs",
  "commandNs",
  "status",
  "haltCause",
  "rung",
  "limitBits",
  "planId",
  "jointStateAgeNs",
  "planAgeNs",
  "hasCommand",
  "nowNs",
  "events",
  "haltRequest",
  "jointStateArrivalNs",
  "newPlanId",
  "newPlanArrivalNs",
  "newPlanStartNs",
  "newPlanObservationArrivalNs",
] as const;
export type TickField = (typeof FIELDS)[number];
const INDEX = Object.fromEntries(FIELDS.map((name, i) => [name, i])) as Record<TickField, number>;
const IDENTITY_OFFSET = 8 * FIELDS.length;
const VECTORS_OFFSET = IDENTITY_OFFSET + 16;

/**
 * One tick with the provenance of its command and all that it was computed from, as bytes of fixed length: filled in place
 * by the control thread, read in place by the host. Behind the fields lie the plan's capture stamp (int64) and model hash
 * (8 bytes), then the vectors.
 *
 * Timing: `set` and the vectors are safe in the control loop.
 */
export class TickRecord {
  readonly bytes: Uint8Array;
  readonly #fields: Float64Array;
  /** Capture stamp and model hash as raw words. */
  readonly identity: Int32Array;
  readonly requested: Float64Array;
  readonly command: Float64Array;
  /** The joint state that the tick used. */
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  readonly executedAction: Float32Array;

  constructor(jointCount: number, actionDimension: number) {
    const buffer = new ArrayBuffer(TickRecord.byteLength(jointCount, actionDimension));
    this.bytes = new Uint8Array(buffer);
    this.#fields = new Float64Array(buffer, 0, FIELDS.length);
    this.identity = new Int32Array(buffer, IDENTITY_OFFSET, 4);
    const vector = (index: number) => new Float64Array(buffer, VECTORS_OFFSET + 8 * index * jointCount, jointCount);
    this.requested = vector(0);
    this.command = vector(1);
    this.positions = vector(2);
    this.velocities = vector(3);
    this.executedAction = new Float32Array(buffer, VECTORS_OFFSET + 32 * jointCount, actionDimension);
  }

  static byteLength(jointCount: number, actionDimension: number): number {
    return VECTORS_OFFSET + 32 * jointCount + 4 * actionDimension;
  }

  set(name: TickField, value: number): void {
    this.#fields[INDEX[name]] = value;
  }

  get(name: TickField): number {
    return this.#fields[INDEX[name]]!;
  }

  /** Capture of the observation behind the plan, ROS clock. */
  get observationStampNs(): bigint {
    return new BigInt64Array(this.bytes.buffer, IDENTITY_OFFSET, 1)[0]!;
  }

  get modelHash(): string {
    return Buffer.from(this.bytes.buffer, IDENTITY_OFFSET + 8, 8).toString("hex");
  }
}
