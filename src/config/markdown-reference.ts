import type { z } from "zod";
import { describeSchema, type ParameterDescription } from "./describe-schema.ts";

export interface ReferenceSection {
  readonly title: string;
  readonly introduction: string;
  readonly schema: z.ZodType;
  /** Rows to leave out, by name: those that repeat others. */
  readonly leaveOut?: RegExp;
}

/** The reference page of the given schemas: one heading and one table each. */
export function renderReference(title: string, introduction: string, sections: readonly ReferenceSection[]): string {
  const parts = sections.map(
    (section) => `## ${section.title}\n\n${section.introduction}\n\n${renderTable(section.schema, section.leaveOut)}\n`,
  );
  return `# ${title}\n\n${introduction}\n\n${parts.join("\n")}`;
}

/** One table; where a group comes in several kinds, one for each of them. */
export function renderTable(schema: z.ZodType, leaveOut?: RegExp): string {
  const shown = describeSchema(schema).filter((row) => !leaveOut?.test(row.name));
  const parts: { readonly variant: string | undefined; readonly rows: ParameterDescription[] }[] = [];
  for (const row of shown) {
    if (parts.length === 0 || parts.at(-1)!.variant !== row.variant) parts.push({ variant: row.variant, rows: [] });
    parts.at(-1)!.rows.push(row);
  }
  return parts
    .map(({ variant, rows }) => (variant === undefined ? tableOf(rows) : `With \`${variant}\`:\n\n${tableOf(rows)}`))
    .join("\n\n");
}

function tableOf(descriptions: readonly ParameterDescription[]): string {
  const rows = descriptions.map(
    (row) =>
      `| \`${row.name}\` | ${row.type}${row.nullable ? " or null" : ""} | ${row.unit ?? ""} | ${cell(formatDefault(row))} | ${cell(row.range)} | ${cell(row.description)}${row.readOnly ? " *Fixed once configured.*" : ""} |`,
  );
  return ["| key | type | unit | default | range | meaning |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

function formatDefault({ default: value, required, type, nullable }: ParameterDescription): string {
  if (required) return "*required*";
  if (type === "group" && !nullable) return "*optional*";
  return value === undefined ? "" : `\`${JSON.stringify(value)}\``;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
