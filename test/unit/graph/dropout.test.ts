import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { Graph, nn } from "../../../src/graph/index.ts";
import { runGraph } from "../../support/run-graph.ts";

const [ROWS, UNITS, SHARE] = [400, 300, 0.1];

test("dropout silences its share of the units, keeps the mean, and decides about any two on their own", async () => {
  const graph = new Graph("dropout");
  const noise = { rows: graph.input("rows", [ROWS, 1]), units: graph.input("units", [1, UNITS]) };
  graph.output("y", nn.dropout(graph.input("x", [ROWS, UNITS]), noise, SHARE));
  const rng = new Rng(4);
  const uniform = (count: number) => Float32Array.from({ length: count }, () => rng.uniform());
  const { y } = await runGraph(graph, {
    x: new Float32Array(ROWS * UNITS).fill(1),
    rows: uniform(ROWS),
    units: uniform(UNITS),
  });
  const kept = 1 / (1 - SHARE);
  assert.ok(y!.every((value) => value === 0 || Math.abs(value - kept) < 1e-6));
  const silenced = (row: number, unit: number) => y![row * UNITS + unit] === 0;
  const [all, sameRow, sameUnit] = [0, 0, 0].map(() => ({ hits: 0, tries: 0 })) as [Count, Count, Count];
  for (let row = 0; row < ROWS; row++) {
    for (let unit = 0; unit < UNITS; unit++) {
      note(all, silenced(row, unit));
      note(sameRow, silenced(row, unit) && silenced(row, (unit + 1) % UNITS));
      note(sameUnit, silenced(row, unit) && silenced((row + 1) % ROWS, unit));
    }
  }
  assert.ok(Math.abs(all.hits / all.tries - SHARE) < 0.01);
  assert.ok(Math.abs(sameRow.hits / sameRow.tries - SHARE ** 2) < 0.005);
  assert.ok(Math.abs(sameUnit.hits / sameUnit.tries - SHARE ** 2) < 0.005);
});

interface Count {
  hits: number;
  tries: number;
}

function note(count: Count, hit: boolean): void {
  count.tries++;
  if (hit) count.hits++;
}
