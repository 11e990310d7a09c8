/** Warm-up steps at the start of every turn, and the share of the learning rate that is left at its end. */
const WARM_UP = 50;
const FINAL_SHARE = 0.03;

/**
 * Share of the learning rate over a turn: constant over its first half, then half a cosine down; warmed up because an optimiser's
 * moments are stale at first.
 *
 * @param share of the turn that is done @param update of the turn, from 0
 */
export function turnRate(share: number, update: number): number {
  const decay = share < 0.5 ? 1 : Math.max(FINAL_SHARE, 0.5 * (1 + Math.cos(Math.PI * (2 * share - 1))));
  return decay * Math.min(1, (update + 1) / WARM_UP);
}
