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

export function renderTable(schema: z.ZodType, leaveOut?: RegExp): string {
  const shown = describeSchema(schema).filter((row) => !leaveOut?.test(row.name));
  const rows = shown.map(
    (row) =>
      `| \`${row.name}\` | ${row.type}${row.nullable ? " or null" : ""} | ${row.unit ?? ""} | ${cell(formatDefault(row))} | ${cell(row.range)} | ${cell(row.description)}${row.readOnly ? " *Fixed once configured.*" : ""} |`,
  );
  return ["| key | type | unit | default | range | meaning |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

function formatDefault({ default: value, required }: ParameterDescription): string {
  if (required) return "*required*";
  return value === undefined ? "" : `\`${JSON.stringify(value)}\``;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
