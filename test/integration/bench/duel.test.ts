import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { compareFirst, startOurs, startTwin, type Workload } from "../../../src/cli/bench/duel.ts";
import { planWorkloads } from "../../../src/cli/bench/plan.ts";
import { findTorch } from "../../../src/cli/bench/torch.ts";
import { trainingWorkloads } from "../../../src/cli/bench/train.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-duel-"));
after(() => rm(folder, { recursive: true }));

const skip = findTorch() === undefined && "needs PyTorch and NumPy for Python: python3-torch";
/** Relative, of the first loss or of a plan's actions, in single precision. */
const TOLERANCE = 1e-4;

for (const [kind, workloads] of Object.entries({ plan: planWorkloads, train: trainingWorkloads })) {
  test(`bench ${kind}: PyTorch computes the same from the same files`, { skip }, async () => {
    for await (const workload of workloads(folder)) {
      const difference = await compare(workload);
      assert.ok(difference < TOLERANCE, `${workload.name}: ${difference}`);
    }
  });
}

async function compare(workload: Workload): Promise<number> {
  const [ours, twin] = await Promise.all([startOurs(workload, 1), startTwin(workload, 1)]);
  try {
    return await compareFirst(workload, ours.contestant, twin.contestant);
  } finally {
    await Promise.all([ours.contestant.close(), twin.contestant.close()]);
  }
}
