import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../../core/errors.ts";

/** Waits until something holds. @throws ERR_BENCH if it does not within the time */
export async function waitFor(
  what: string,
  patienceMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > untilMs)
      throw new LatentloopError("ERR_BENCH", `Expected ${what} within ${patienceMs / 1000} s.`);
    await sleep(10);
  }
}
