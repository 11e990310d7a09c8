/** How a witness keeps time: as the control thread, but five times as often. */
export const WITNESS = { priority: 40, periodNs: 2e6, stallNs: 1e6 } as const;

/** A time in which a thread should have run and did not. Units: ns, monotonic clock. */
export interface Stall {
  readonly fromNs: number;
  readonly untilNs: number;
}
