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
/** The recorder's own bound is 100 ms; a test machine may keep its threads waiting that much longer. */
const ALLOWED_LOSS_MS = 500;
const KILLS = 5;

test("a recorder killed at any moment leaves a file without gaps that lacks only the end, and that recovery makes whole", {
  timeout: 60_000,
}, async (t) => {
  const rng = new Rng(5);
  for (let kill = 0; kill < KILLS; kill++) {
    const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    const killAt = 100 + rng.integer(200);
    const publishedMs: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const [number = "", atMs = ""] = line.split(" ");
      publishedMs.push(Number(atMs));
      if (Number(number) === killAt) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");

    const [bag = ""] = await readdir(folder);
    const messages = readStream(await readFile(join(folder, bag, `${bag}_0.mcap`)));
    const numbers = messages.map(({ data }) => deserializeMessage("std_msgs/msg/Float32", data).data);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
      "every message up to the end, each once",
    );
    const { files } = await recoverBag(join(folder, bag));
    assert.equal(files[0]?.messages, messages.length, "recovery keeps them all");
    const { reader } = await readIndexed(await readFile(join(folder, bag, `${bag}_0.mcap`)));
    assert.equal(reader.statistics?.messageCount, BigInt(messages.length), "with an index that other readers take");
    assert.equal((await verifyBag(join(folder, bag))).ok, true);
    const lostMs = publishedMs.at(-1)! - (publishedMs[numbers.length] ?? publishedMs.at(-1)!);
    t.diagnostic(
      `killed after ${publishedMs.length} messages: ${numbers.length} in the file, the last ${lostMs.toFixed(0)} ms lost`,
    );
    assert.ok(lostMs <= ALLOWED_LOSS_MS, `the last ${lostMs} ms are lost`);
  }
});
