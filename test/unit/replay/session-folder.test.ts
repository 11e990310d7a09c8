import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { EPISODES_KEY, formatNumbers, parseNumbers } from "../../../src/replay/episode-numbers.ts";
import { processMark } from "../../../src/replay/process-mark.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { SessionFolder } from "../../../src/replay/session-folder.ts";
import { buildBag, testFolder } from "./bag-builder.ts";

async function finishedIn(folder: string): Promise<number[]> {
  const session = await SessionFolder.open(folder);
  await session.close();
  return [...session.finished].sort((a, b) => a - b);
}

test("numbers survive being written", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), (numbers) => {
      assert.deepEqual(
        parseNumbers(formatNumbers(numbers)),
        numbers.toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 200, seed: 1 },
  );
  assert.equal(formatNumbers([7, 0, 1, 2]), "0-2 7");
});

test("finished episodes of all bags count, cut ones do not, and a cut bag is made whole", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [4, 4] });
  await buildBag({ folder: join(folder, "b"), episodes: [4, -3], firstEpisode: 2, unfinished: true });
  const session = await SessionFolder.open(folder);
  assert.deepEqual([...session.finished].sort(), [0, 1, 2]);
  assert.deepEqual(session.recovered, [join(folder, "b")]);
  await session.close();
  assert.deepEqual((await SessionFolder.open(folder)).recovered, []);
});

test("a bag that was created and never written to does not keep a session from opening, nor its index", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [4] });
  await mkdir(join(folder, "b"));
  await writeFile(join(folder, "b", "b_0.mcap"), "");
  assert.deepEqual(await finishedIn(folder), [0]);
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  assert.equal(index.episodes.length, 1);
});

test("a bag that lists its episodes is not read", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [2, 2] });
  const metadata = join(folder, "a", "metadata.yaml");
  const text = await readFile(metadata, "utf8");
  assert.match(text, /finished_episodes: 0-1$/m);
  await writeFile(metadata, text.replace(`${EPISODES_KEY}: 0-1`, `${EPISODES_KEY}: 0-6`));
  assert.deepEqual(await finishedIn(folder), [0, 1, 2, 3, 4, 5, 6]);
});

test("a number that two finished episodes have is an error that names both bags", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [2, 2] });
  await buildBag({ folder: join(folder, "b"), episodes: [2], firstEpisode: 1 });
  await assert.rejects(SessionFolder.open(folder), { code: "ERR_EPISODE_NUMBER", message: /episode 1.*a and in .*b/ });
  await assert.rejects(SessionFolder.open(folder), { code: "ERR_EPISODE_NUMBER" }, "a failed opening leaves no lock");
});

test("a session is one process's at a time; the lock of a killed one does not count", async (t) => {
  const folder = await testFolder(t);
  const session = await SessionFolder.open(folder);
  await assert.rejects(SessionFolder.open(folder), {
    code: "ERR_SESSION_BUSY",
    message: new RegExp(String(process.pid)),
  });
  await session.close();
  await writeFile(join(folder, ".session.lock"), "999999999\n");
  assert.deepEqual(await finishedIn(folder), []);
});

test("the lock of a killed process does not count when another one has its number by now, nor does an empty one", async (t) => {
  const folder = await testFolder(t);
  const lock = join(folder, ".session.lock");
  const marks = [""];
  const own = await processMark(process.pid);
  const [pid, boot, start] = own.split(" ");
  if (boot === undefined) t.diagnostic("without /proc, a process is known by its number alone");
  else marks.push(`${pid} ${boot} ${Number(start) - 1}\n`, `${pid} another-boot ${start}\n`);
  for (const mark of marks) {
    await writeFile(lock, mark);
    assert.deepEqual(await finishedIn(folder), [], mark);
  }
  for (const mark of [own, `${process.pid}\n`]) {
    await writeFile(lock, mark);
    await assert.rejects(SessionFolder.open(folder), { code: "ERR_SESSION_BUSY" }, mark);
  }
  assert.deepEqual(await readdir(folder), [".session.lock"]);
});
