/** Key of a bag's custom data with the numbers of its finished episodes, so that a session opens without reading every image. */
export const EPISODES_KEY = "finished_episodes";

/** "0-4 7" for 0, 1, 2, 3, 4 and 7. */
export function formatNumbers(numbers: Iterable<number>): string {
  const spans: [first: number, last: number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const span = spans.at(-1);
    if (span !== undefined && span[1] === number - 1) span[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

export function parseNumbers(text: string): number[] {
  return text.split(" ").flatMap((span) => {
    const [first, last = first] = span.split("-").map(Number);
    if (span === "" || first === undefined || last === undefined) return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
