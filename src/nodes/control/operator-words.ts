import { HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import { ARM_REFUSAL_NAMES, type ArmRefusal } from "../../safety/index.ts";

/** Words of the memory; requests and answers are numbered, so that none is lost or answered twice. */
const STOP = 0;
const ESTOP = 1;
const HALT = 2;
const HEARTBEATS = 3;
const REFUSED_PLANS = 4;
const REQUEST = 5;
const REQUEST_KIND = 6;
const ANSWERED = 7;
const ANSWER = 8;
const ESTOP_PRESSES = 9;
const WORDS = 16;

const HALT_NAMES = Object.keys(HALT_CAUSES) as HaltCause[];
const REQUESTS = ["arm", "resetEstop"] as const;
export type OperatorRequest = (typeof REQUESTS)[number];

export function createOperatorWords(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * WORDS);
}

/**
 * What the operator wants, as shared words: the host sets them, the control thread reads them once a tick.
 * Timing: the thread's methods are safe in the control loop.
 */
export class OperatorWords {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** A press is also counted, so that one that ends before the next tick is seen. */
  setEstop(pressed: boolean): void {
    Atomics.store(this.#words, ESTOP, pressed ? 1 : 0);
    if (pressed) Atomics.add(this.#words, ESTOP_PRESSES, 1);
  }

  setHalt(cause: HaltCause): void {
    Atomics.store(this.#words, HALT, HALT_NAMES.indexOf(cause));
  }

  beat(): void {
    Atomics.add(this.#words, HEARTBEATS, 1);
  }

  countRefusedPlan(): void {
    Atomics.add(this.#words, REFUSED_PLANS, 1);
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1);
  }

  /** Puts a request before the thread and returns its number; `request` also waits for the answer. */
  ask(kind: OperatorRequest): number {
    Atomics.store(this.#words, REQUEST_KIND, REQUESTS.indexOf(kind));
    return Atomics.add(this.#words, REQUEST, 1) + 1;
  }

  /** Asks the thread and waits for its answer; `inactive` when none comes in time. One request at a time. */
  async request(kind: OperatorRequest, timeoutMs: number): Promise<ArmRefusal> {
    const before = Atomics.load(this.#words, ANSWERED);
    const number = this.ask(kind);
    let outcome = "ok";
    while (outcome === "ok" && Atomics.load(this.#words, ANSWERED) === before) {
      outcome = await Atomics.waitAsync(this.#words, ANSWERED, before, timeoutMs).value; // every tick wakes it
    }
    // Withdrawn: a thread that comes back later must not arm a robot whose operator was told that it is not.
    if (Atomics.compareExchange(this.#words, ANSWERED, before, number) !== number) return "inactive";
    return ARM_REFUSAL_NAMES[Atomics.load(this.#words, ANSWER)]!;
  }

  get shouldStop(): boolean {
    return Atomics.load(this.#words, STOP) === 1;
  }

  get estop(): boolean {
    return Atomics.load(this.#words, ESTOP) === 1;
  }

  get estopPresses(): number {
    return Atomics.load(this.#words, ESTOP_PRESSES);
  }

  get halt(): HaltCause {
    return HALT_NAMES[Atomics.load(this.#words, HALT)]!;
  }

  get heartbeats(): number {
    return Atomics.load(this.#words, HEARTBEATS);
  }

  get refusedPlans(): number {
    return Atomics.load(this.#words, REFUSED_PLANS);
  }

  /** The request that waits for an answer. */
  get pendingRequest(): OperatorRequest | undefined {
    if (Atomics.load(this.#words, REQUEST) === Atomics.load(this.#words, ANSWERED)) return undefined;
    return REQUESTS[Atomics.load(this.#words, REQUEST_KIND)];
  }

  answer(refusal: ArmRefusal): void {
    Atomics.store(this.#words, ANSWER, ARM_REFUSAL_NAMES.indexOf(refusal));
    Atomics.store(this.#words, ANSWERED, Atomics.load(this.#words, REQUEST));
  }

  /** Wakes who waits for an answer; not from the control thread, for the reason given at `Doorbell`. */
  wake(): void {
    Atomics.notify(this.#words, ANSWERED);
  }
}
