import assert from "node:assert/strict";
import { test } from "node:test";
import { Contestant, holdContest } from "../../../src/cli/bench/contest.ts";

/** A process that says every unit takes so many milliseconds, and ends after so many answers. */
function contestant(
  msPerUnit: number,
  answers = 1000,
): Promise<{ contestant: Contestant; greeting: { engine: string } }> {
  const program = `
    console.log(JSON.stringify({ engine: "fake" }));
    let left = ${answers};
    require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { count } = JSON.parse(line);
      if (left-- === 0) process.exit(3);
      console.log(JSON.stringify({ seconds: count * ${msPerUnit} / 1e3, cpuSeconds: 1, peakMb: 10 }));
    });`;
  return Contestant.start("fake", process.execPath, ["-e", program], 1);
}

test("a contest gives each side's time and how many times faster the first one is", async () => {
  const sides = [await contestant(20), await contestant(50)];
  const result = await holdContest(
    sides.map((side) => side.contestant),
    1,
  );
  for (const side of sides) await side.contestant.close();
  assert.deepEqual(sides[0]!.greeting, { engine: "fake" });
  assert.deepEqual(
    result.timings.map(({ ms }) => Math.round(ms)),
    [20, 50],
  );
  assert.deepEqual(
    result.ratios.map((ratio) => Math.round(100 * ratio) / 100),
    [1, 2.5],
  );
});

test("a side that ends early is an error with its name", async () => {
  const { contestant: side } = await contestant(10, 2);
  await assert.rejects(holdContest([side], 1), { code: "ERR_BENCH", message: /The process of fake ended/ });
  await side.close();
});

test("a program that cannot be started is an error", async () => {
  await assert.rejects(Contestant.start("absent", "/nonexistent/program", [], 1), {
    code: "ERR_BENCH",
    message: /absent/,
  });
});
