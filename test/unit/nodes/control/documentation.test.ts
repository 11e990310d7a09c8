import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { RUNGS } from "../../../../src/core/plan.ts";
import { CONTROL_STATUS, HALT_CAUSES, LIMIT_BITS } from "../../../../src/core/status.ts";
import { RESUMES_BY_ITSELF } from "../../../../src/safety/index.ts";

const page = await readFile(new URL("../../../../../docs/control.md", import.meta.url), "utf8");

/** The cells of the table with this head, row by row. */
function rowsOf(head: string): string[][] {
  const lines = page.split("\n");
  const begin = lines.findIndex((line) => line.startsWith(`| ${head} |`)) + 2;
  const rows = lines.slice(begin, lines.indexOf("", begin));
  return rows.map((row) =>
    row
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", ""))
      .slice(1, -1),
  );
}

const firstsOf = (head: string) => rowsOf(head).map(([name]) => name);

test("the tables that Tick.msg points to hold the names in their order", () => {
  assert.deepEqual(firstsOf("status"), Object.keys(CONTROL_STATUS));
  assert.deepEqual(firstsOf("cause of a halt"), Object.keys(HALT_CAUSES));
  assert.deepEqual(firstsOf("limit bit"), Object.keys(LIMIT_BITS));
  assert.deepEqual(
    Object.values(LIMIT_BITS),
    Object.keys(LIMIT_BITS).map((_, i) => 2 ** i),
  );
  assert.ok(page.includes(RUNGS.map((rung) => `\`${rung}\``).join(", ")));
});

test("the table of causes says truly which halts end by themselves", () => {
  for (const [name, resumes] of rowsOf("cause of a halt")) {
    if (name !== "none")
      assert.equal(resumes?.startsWith("yes"), RESUMES_BY_ITSELF[name as keyof typeof HALT_CAUSES], name);
  }
});
