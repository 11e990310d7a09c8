/** So often within so long; who fails more often than that will fail again. */
const MOST = 5;
const WITHIN_NS = 60e9;
/** Before the first restart; doubled for each further one in that time. */
const FIRST_DELAY_MS = 100;

/** How often and how soon a process that died may begin again. */
export class RestartBudget {
  #failuresNs: number[] = [];

  /** Called when it has died: milliseconds to wait before it begins again, or undefined if it may not any more. */
  spend(nowNs: number): number | undefined {
    this.#failuresNs = this.#failuresNs.filter((thenNs) => nowNs - thenNs < WITHIN_NS);
    if (this.#failuresNs.length === MOST) return undefined;
    return FIRST_DELAY_MS * 2 ** (this.#failuresNs.push(nowNs) - 1);
  }
}
