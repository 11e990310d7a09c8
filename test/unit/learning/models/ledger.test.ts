import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { appendToLedger, type LedgerEvent, readLedger } from "../../../../src/learning/models/ledger.ts";

const event = (name: string): LedgerEvent => ({
  event: "promoted",
  at: "2026-01-02T03:04:05.678Z",
  model: { name, hash: "0123456789abcdef" },
  from: null,
  by: "operator with a name beyond ASCII: Zoë",
});

async function ledgerPath(t: { after(hook: () => unknown): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-ledger-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "ledger.jsonl");
}

test("a ledger that was never written is empty", async (t) => {
  assert.deepEqual(await readLedger(await ledgerPath(t)), { events: [], damaged: 0 });
});

test("events come back in the order in which they were added", async (t) => {
  const path = await ledgerPath(t);
  const events = ["a", "b", "c"].map(event);
  for (const one of events) await appendToLedger(path, one);
  assert.deepEqual(await readLedger(path), { events, damaged: 0 });
});

test("wherever a crash cuts the last line, the events before it and those added later are there", async (t) => {
  const path = await ledgerPath(t);
  await appendToLedger(path, event("a"));
  const { length: keep } = await readFile(path);
  await appendToLedger(path, event("b"));
  const whole = await readFile(path);
  for (let cut = keep; cut < whole.length; cut += 7) {
    await writeFile(path, whole);
    await truncate(path, cut);
    await appendToLedger(path, event("c"));
    const { events, damaged } = await readLedger(path);
    assert.deepEqual(
      events.map(({ model }) => model.name),
      ["a", "c"],
      `cut at ${cut}`,
    );
    assert.equal(damaged, cut === keep ? 0 : 1);
  }
});

test("a line of another kind counts as damaged and is not taken for an event", async (t) => {
  const path = await ledgerPath(t);
  await writeFile(path, '{"event":"promoted"}\nnot JSON\n');
  assert.deepEqual(await readLedger(path), { events: [], damaged: 2 });
});

test("adding to a ledger in a folder that does not exist is ERR_LEDGER", async () => {
  await assert.rejects(appendToLedger(join(tmpdir(), "latentloop-nowhere", "ledger.jsonl"), event("a")), {
    code: "ERR_LEDGER",
  });
});

test("an event that the disk takes in part is ERR_LEDGER, and nothing of it stays", async (t) => {
  const path = await ledgerPath(t);
  await appendToLedger(path, event("a"));
  const before = await readFile(path, "utf8");
  const file = await open(path);
  const prototype = Object.getPrototypeOf(file);
  await file.close();
  const write = prototype.write;
  t.mock.method(prototype, "write", function (this: unknown, bytes: Uint8Array) {
    return write.call(this, bytes.subarray(0, 20));
  });
  await assert.rejects(appendToLedger(path, event("b")), { code: "ERR_LEDGER", message: /took 20 of \d+ bytes/ });
  assert.equal(await readFile(path, "utf8"), before);
});
