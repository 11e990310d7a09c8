import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../../../src/core/clock.ts";
import { Campaign, type CampaignPorts } from "../../../src/nodes/trainer/campaign.ts";
import type { CampaignStatus } from "../../../src/nodes/trainer/progress-report.ts";
import { openTrainerSite } from "../../support/trainer-site.ts";
import { buildBag } from "../../unit/replay/bag-builder.ts";

const site = await openTrainerSite();
after(() => site[Symbol.asyncDispose]());

/** A trainer that ends when it has waited for the second time. */
async function runUntilItWaits(parameters: ReturnType<typeof site.parameters>): Promise<CampaignStatus> {
  let last: CampaignStatus | undefined;
  let waits = 0;
  const ports: CampaignPorts = {
    log: { debug() {}, info() {}, warn() {}, error() {} },
    ready: async () => waits < 2,
    wait: async () => void waits++,
    takeRequest: () => false,
    judge: () => Promise.reject(new Error("nothing was to be judged")),
    report: (status) => void (last = status),
  };
  await new Campaign({ parameters, models: site.models, clock: systemClock(), ports }).run();
  return last!;
}

const untouched = async () => {
  assert.equal((await site.models.live())?.hash, site.live.hash);
  assert.deepEqual(
    (await site.models.list()).map(({ name }) => name),
    ["first"],
  );
};

test("recordings of another robot and task are not learned from, and the trainer says what is wrong", async () => {
  const replay = join(site.folder, "other-replay");
  await mkdir(replay);
  await buildBag({ folder: join(replay, "bag"), episodes: [12, 12, 12, 12, 12, 12, 12, 12], task: "stack" });
  const before = (await site.models.ledger()).events.length;
  const status = await runUntilItWaits(site.parameters({ replay, folder: join(site.folder, "other") }));
  assert.match(status.reason, /Expected recordings in .* with task reach but an episode of .* is of stack/);
  assert.equal((await site.models.ledger()).events.length, before, "nothing was proposed");
  await untouched();
});

test("a replay that is not there yet is waited for", async () => {
  const replay = join(site.folder, "nowhere");
  const status = await runUntilItWaits(site.parameters({ replay, folder: join(site.folder, "early") }));
  assert.match(status.reason, /nowhere/);
});

test("a folder whose state is damaged is refused by its path", async () => {
  const folder = join(site.folder, "damaged");
  await mkdir(folder);
  await writeFile(join(folder, "trainer.json"), '{"version": 1, "runs"');
  await assert.rejects(runUntilItWaits(site.parameters({ folder })), { code: "ERR_TRAINER", message: /trainer\.json/ });
});

/** A small disk of its own for one program, where this system lets us have one. */
const MOUNT = ["-rm", "sh", "-c", 'mount -t tmpfs -o size=32m none "$0" && exec "$@"'];
const mounts = spawnSync("unshare", [...MOUNT, site.folder, "true"]).status === 0;

test("a disk that is full when the candidate is exported: refused with the reason in the ledger, nothing is left", {
  skip: !mounts && "unshare cannot mount a tmpfs here",
  timeout: 600_000,
}, async () => {
  const disk = join(site.folder, "disk");
  await mkdir(disk);
  const parameters = site.parameters({ folder: disk, fineTuning: { updates: 20 } });
  const program = fileURLToPath(new URL("./programs/full-disk.js", import.meta.url));
  const { stdout } = await promisify(execFile)("unshare", [
    ...MOUNT,
    disk,
    process.execPath,
    program,
    JSON.stringify(parameters),
  ]);
  assert.match(JSON.parse(stdout).reason, /ENOSPC/);
  const last = (await site.models.ledger()).events.at(-1)!;
  assert.ok(last.event === "judged" && !last.passed && last.model.hash === null);
  assert.deepEqual(
    last.verdicts.map(({ gate }) => gate),
    ["export"],
  );
  assert.match(last.verdicts[0]!.note, /ENOSPC/);
  assert.deepEqual(await readdir(disk), [], "what it wrote was on the other disk");
  await untouched();
});
