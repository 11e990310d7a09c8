/** Insertions, deletions, replacements and swaps of neighbours from `a` to `b`. Source: Damerau 1964, optimal string alignment. */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replace = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i]![j] = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, replace);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) rows[i]![j] = Math.min(rows[i]![j]!, rows[i - 2]![j - 2]! + 1);
    }
  }
  return rows[a.length]![b.length]!;
}

/** Spelling alone: `commandRateHz`, `command_rate_hz` and `command-rate-hz` are the same word. */
const folded = (key: string): string => key.replace(/[_\- ]/g, "").toLowerCase();

/** The known key that `key` was most likely meant to be; undefined when none shares half its letters. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const distances = known.map((candidate) => editDistance(folded(key), folded(candidate)));
  const best = Math.min(...distances);
  return best <= Math.max(1, folded(key).length / 2) ? known[distances.indexOf(best)] : undefined;
}
