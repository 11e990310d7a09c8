/** What the doctor found out about one thing. `broken` marks a thing that latentloop cannot do without. */
export interface Finding {
  readonly name: string;
  readonly status: "ok" | "missing" | "broken";
  /** What is there, or what is not. */
  readonly found: string;
  /** What the thing gives; said only when it is missing. */
  readonly gives: string;
  readonly remedy?: string | undefined;
  /** Figures for machines; units in the keys. */
  readonly values?: Readonly<Record<string, number | string | boolean | readonly string[]>>;
}

export interface DoctorOptions {
  /** Where recordings would go. */
  readonly replayFolder: string;
}

const MARKS = { ok: "✓", missing: "–", broken: "✗" } as const;

/** The table that people read: a mark, a name and what was found; under a missing thing what it would give and how to get it. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = " ".repeat(width + 4);
  return findings
    .map(({ name, status, found, gives, remedy }) => {
      const line = `${MARKS[status]} ${name.padEnd(width)}  ${found}`;
      if (status === "ok") return line;
      return [line, `${indent}gives: ${gives}`, ...(remedy ? [`${indent}get it: ${remedy}`] : [])].join("\n");
    })
    .join("\n");
}
