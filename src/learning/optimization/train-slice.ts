import type { Clock } from "../../core/clock.ts";
import { MetricMeans } from "./metric-means.ts";
import type { Trainer } from "./trainer.ts";

/** About how long a slice of updates takes. */
const SLICE_NS = 1e9;

/** Updates for about a second, at least one, while more are wanted after each: the mean of each metric. */
export async function trainSlice(
  trainer: Trainer,
  clock: Clock,
  wantsMore: () => boolean,
): Promise<Readonly<Record<string, number>>> {
  const endNs = clock.monotonicNs() + SLICE_NS;
  const means = new MetricMeans();
  do {
    for (const { metrics } of await trainer.advance()) means.add(metrics);
  } while (wantsMore() && clock.monotonicNs() < endNs);
  return means.read();
}
