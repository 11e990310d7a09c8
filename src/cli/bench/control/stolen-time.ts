import { existsSync, readFileSync } from "node:fs";

/** Field of the "cpu" line in /proc/stat, and the unit of its counters (USER_HZ). */
const STEAL_FIELD = 8;
const MS_PER_COUNT = 10;

/** Time since boot in which the host of a virtual machine ran something else on its cores: no priority helps against it. */
export function stolenMs(): number {
  if (!existsSync("/proc/stat")) return 0;
  const [total = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  return Number(total.split(/\s+/)[STEAL_FIELD] ?? 0) * MS_PER_COUNT;
}
