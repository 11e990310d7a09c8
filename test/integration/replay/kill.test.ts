import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Rng } from "../../../src/core/rng.ts";
import { deserializeMessage } from "../../../src/messages/index.ts";
import { recoverBag } from "../../../src/replay/recover.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { readIndexed, readStream } from "../../unit/replay/read-mcap.ts";

const program = fileURLToPath(new URL("./programs/record-forever.js", import.meta.url));
const KILLS = 5;
const PERIOD_MS = 2;

async function numbersIn(bag: string): Promise<number[]> {
  const messages = readStream(await readFile(bag));
  return messages.map(({ data }) => deserializeMessage("std_msgs/msg/Float32", data).data);
}

test("a recorder killed at any moment leaves a file without gaps that lacks only the end, and that recovery makes whole", {
  timeout: 600_000,
}, async (t) => {
  const rng = new Rng(5);
  for (let kill = 0; kill < KILLS; kill++) {
    const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const wanted = 100 + rng.integer(200);
    let published = 0;
    let bag = "";
    for await (const line of createInterface({ input: child.stdout })) {
      published = Number(line) + 1;
      [bag = ""] = await readdir(folder);
      // A chunk is far from full by then: it is on the disk because it was time.
      const isThere = published > wanted && (await numbersIn(join(folder, bag, `${bag}_0.mcap`))).includes(wanted);
      if (isThere) child.kill("SIGKILL");
    }
    await exited;

    const numbers = await numbersIn(join(folder, bag, `${bag}_0.mcap`));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
      "every message up to the end, each once",
    );
    const { files } = await recoverBag(join(folder, bag));
    assert.equal(files[0]?.messages, numbers.length, "recovery keeps them all");
    const { reader } = await readIndexed(await readFile(join(folder, bag, `${bag}_0.mcap`)));
    assert.equal(reader.statistics?.messageCount, BigInt(numbers.length), "with an index that other readers take");
    assert.equal((await verifyBag(join(folder, bag))).ok, true);
    const lostMs = PERIOD_MS * (published - numbers.length);
    t.diagnostic(`killed after ${published} messages: ${numbers.length} in the file, the last ${lostMs} ms lost`);
    assert.ok(numbers.length > wanted, "what was there before the kill still is");
  }
});
