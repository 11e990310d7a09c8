import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { probeProvider, usableProviders } from "../../../src/inference/find-providers.ts";
import { InferenceEngine } from "../../../src/inference/inference-engine.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const clock = systemClock();

for (const provider of ["webgpu", "cuda"] as const) {
  test(`every graph that is asked to run on ${provider} does, and agrees with the CPU`, async (t) => {
    const { usable, reason } = await probeProvider(provider);
    if (!usable) return t.skip(`${provider}: ${reason}`);
    await using engine = await InferenceEngine.start({ provider, threads: 1, niceness: 0, clock });
    const bundle = await engine.load(await writeSampleBundle(t));
    for (const { graph, placement, trials } of bundle.reports) {
      assert.equal(placement.provider, provider, `${graph}: ${trials.map(({ rejection }) => rejection).join(", ")}`);
    }
    for (const graph of Object.values(bundle.graphs)) assert.equal((await graph.run()).status, "done");
  });

  test(`asking for ${provider} where it does not work loads on the CPU with a warning that says why`, async (t) => {
    const { usable } = await probeProvider(provider);
    if (usable) return t.skip(`${provider} works here`);
    await using engine = await InferenceEngine.start({ provider, threads: 1, niceness: 0, clock });
    const bundle = await engine.load(await writeSampleBundle(t));
    assert.ok(bundle.reports.every(({ placement }) => placement.provider === "cpu"));
    assert.match(bundle.warnings.join(), new RegExp(`^${provider}: .{10,}`));
    assert.equal((await bundle.graphs.plan!.run()).status, "done");
  });
}

test("the CPU is usable whatever is wanted", async () => {
  const [cpu] = await usableProviders("auto");
  assert.deepEqual([cpu?.provider, cpu?.usable], ["cpu", true]);
});
