import { CONTROL_STATUS, type ControlStatus } from "../../core/status.ts";
import type { TickMessage } from "../../messages/index.ts";

export interface YieldOptions {
  readonly commandRateHz: number;
  /** Memory that others must find free. */
  readonly minFreeBytes: number;
  /** Runnable threads per core, over a minute. */
  readonly maxLoadPerCore: number;
}

/** What the machine says about itself. */
export interface MachineState {
  readonly freeBytes: number;
  readonly loadPerCore: number;
}

const COASTING = (Object.keys(CONTROL_STATUS) as ControlStatus[]).indexOf("coasting");
/** A tick that begins later than this share of its period is a sign, and so is a gap above this many periods. */
const LATE_SHARE = 0.5;
const GAP_PERIODS = 1.5;
/** The first rest, and the longest. A sign that comes within `CALM_NS` after a rest doubles the next one. */
const FIRST_REST_NS = 1e9;
const LONGEST_REST_NS = 16e9;
const CALM_NS = 10e9;

/**
 * When a trainer rests so that the robot's loop has the machine: after a tick that was late or missed, a plan that came too
 * late, and while memory or cores run short. Each new sign begins a rest anew; signs that keep coming make it longer.
 */
export class YieldRule {
  readonly #options: YieldOptions;
  #lastDeadlineNs = Number.NaN;
  #restNs = FIRST_REST_NS;
  #untilNs = Number.NEGATIVE_INFINITY;
  #reason = "";
  /** Rests so far. */
  count = 0;

  constructor(options: YieldOptions) {
    this.#options = options;
  }

  onTick({ deadline_ns, begin_ns, status }: TickMessage, nowNs: number): void {
    const periodNs = 1e9 / this.#options.commandRateHz;
    const gapNs = deadline_ns - this.#lastDeadlineNs;
    this.#lastDeadlineNs = deadline_ns;
    if (gapNs > GAP_PERIODS * periodNs) this.#rest("a tick of the control loop was missed", nowNs);
    else if (begin_ns - deadline_ns > LATE_SHARE * periodNs) this.#rest("a tick of the control loop was late", nowNs);
    else if (status === COASTING) this.#rest("a plan came too late", nowNs);
  }

  onMachine({ freeBytes, loadPerCore }: MachineState, nowNs: number): void {
    const { minFreeBytes, maxLoadPerCore } = this.#options;
    if (freeBytes < minFreeBytes) this.#rest(`${Math.round(freeBytes / 1e6)} MB of memory are free`, nowNs);
    else if (loadPerCore > maxLoadPerCore)
      this.#rest(`the machine's load is ${loadPerCore.toFixed(1)} per core`, nowNs);
  }

  /** Why the trainer rests now; undefined when it may work. */
  reason(nowNs: number): string | undefined {
    return nowNs < this.#untilNs ? this.#reason : undefined;
  }

  #rest(reason: string, nowNs: number): void {
    if (nowNs >= this.#untilNs) {
      this.count++;
      const soon = nowNs < this.#untilNs + CALM_NS;
      this.#restNs = soon ? Math.min(LONGEST_REST_NS, 2 * this.#restNs) : FIRST_REST_NS;
    }
    this.#untilNs = nowNs + this.#restNs;
    this.#reason = reason;
  }
}
