import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_STORE_BYTES, storeFor } from "../../../src/learning/episodes/episode-store.ts";
import { DotWorld } from "../../support/dot-world.ts";

test("a run whose episodes do not fit into memory is refused before it begins", () => {
  const world = new DotWorld();
  assert.equal(storeFor(world, 10).capacity, 10);
  assert.throws(() => storeFor(world, MAX_STORE_BYTES), {
    code: "ERR_STORE_FULL",
    message: /at most 8\.0 GiB .* 8589934592 frames take/,
    remedy: /fewer steps/,
  });
});
