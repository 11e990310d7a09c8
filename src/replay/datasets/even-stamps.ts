/** 2000-01-01T00:00:00Z: visibly no time of recording, and the same in every run. */
const EPOCH_NS = 946_684_800n * 1_000_000_000n;
const BETWEEN_EPISODES_NS = 3_600n * 1_000_000_000n;

/** Stamps for data that has none: even steps, every episode in an hour of its own. */
export function evenStamps(episode: number, steps: number, rateHz: number): { stampsNs: bigint[]; endNs: bigint } {
  const startNs = EPOCH_NS + BigInt(episode) * BETWEEN_EPISODES_NS;
  const at = (step: number) => startNs + BigInt(Math.round((step * 1e9) / rateHz));
  return { stampsNs: Array.from({ length: steps }, (_, step) => at(step)), endNs: at(steps) };
}
