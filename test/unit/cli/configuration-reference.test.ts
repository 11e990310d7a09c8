import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { configurationReference } from "../../../src/cli/configuration-reference.ts";

test("docs/configuration.md is what the schemas say now (otherwise: npm run docs)", async () => {
  const page = await readFile(new URL("../../../../docs/configuration.md", import.meta.url), "utf8");
  assert.equal(page, await configurationReference());
});
