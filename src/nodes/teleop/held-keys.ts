/** Units: ms */
export interface KeyTimes {
  /** How long a key counts as held after it was pressed, until the terminal repeats it. */
  readonly tapMs: number;
  /** How long it counts after a repetition. */
  readonly repeatMs: number;
}

/** A terminal that says when keys are released repeats them all the same: silence for longer is a lost connection. */
const LOST_MS = 1000;
/** A second press within this time is the terminal's repetition. */
const REPEAT_WINDOW_MS = 700;

interface Press {
  pressedNs: number;
  untilNs: number;
}

/**
 * Which keys are held, although most terminals only say that a key was pressed, again and again while it is held.
 *
 * A key that is silent for longer than repetitions take is released: so is every key when the connection breaks.
 */
export class HeldKeys {
  readonly #times: KeyTimes;
  readonly #keys = new Map<string, Press>();
  /** The terminal reports releases: a press counts until then. */
  #reportsReleases = false;

  constructor(times: KeyTimes) {
    this.#times = times;
  }

  press(key: string, nowNs: number): void {
    const before = this.#keys.get(key);
    const isRepeat = before !== undefined && nowNs - before.pressedNs < REPEAT_WINDOW_MS * 1e6;
    const ms = this.#reportsReleases ? LOST_MS : isRepeat ? this.#times.repeatMs : this.#times.tapMs;
    this.#keys.set(key, { pressedNs: nowNs, untilNs: nowNs + ms * 1e6 });
  }

  release(key: string): void {
    this.#reportsReleases = true;
    this.#keys.delete(key);
  }

  releaseAll(): void {
    this.#keys.clear();
  }

  isHeld(key: string, nowNs: number): boolean {
    return nowNs < (this.#keys.get(key)?.untilNs ?? Number.NEGATIVE_INFINITY);
  }
}
