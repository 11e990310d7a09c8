import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

test("a bundle is read with the bytes of every graph, and its hash covers the manifest", async (t) => {
  const folder = await writeSampleBundle(t);
  const bundle = await readBundle(folder);
  assert.deepEqual(Object.keys(bundle.onnx), ["encode", "observe", "plan", "act", "imagine", "decode"]);
  assert.match(bundle.modelHash, /^[0-9a-f]{16}$/);
  const other = await readBundle(await writeSampleBundle(t, { change: (manifest) => (manifest.policyRateHz = 11) }));
  assert.notEqual(other.modelHash, bundle.modelHash);
});

test("a truncated file and a changed file are hash errors that name the file", async (t) => {
  const folder = await writeSampleBundle(t);
  const file = join(folder, "plan.onnx");
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, bytes.length - 1));
  await assert.rejects(readBundle(folder), { code: "ERR_BUNDLE_HASH", message: /plan\.onnx/ });
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(file, bytes);
  await assert.rejects(readBundle(folder), { code: "ERR_BUNDLE_HASH", message: /plan\.onnx/ });
});

test("a file or a manifest that is not there is named", async (t) => {
  const folder = await writeSampleBundle(t);
  await rm(join(folder, "act.onnx"));
  await assert.rejects(readBundle(folder), { code: "ERR_FILE_UNREADABLE", message: /act\.onnx/ });
  await rm(join(folder, "manifest.json"));
  await assert.rejects(readBundle(folder), { code: "ERR_FILE_UNREADABLE", message: /manifest\.json/ });
});
