/**
 * Ends a verb: people get the text, machines get one JSON object as the last line of stdout.
 * Everything that comes before the end (progress, logs, live views) goes to stderr when `json` is set.
 */
export function printResult(result: object, text: string, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : text.endsWith("\n") ? text : `${text}\n`);
}

/** Where a verb's running commentary goes. */
export function commentary(json: boolean): (line: string) => void {
  const stream = json ? process.stderr : process.stdout;
  return (line) => stream.write(`${line}\n`);
}

/** Rows of text as aligned columns; the first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
