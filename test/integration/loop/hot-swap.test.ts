import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SwappingLoop, writeVariant } from "../../support/swapping-loop.ts";

let loop: SwappingLoop;

before(async () => {
  loop = await SwappingLoop.start({
    doors: (folder) => ({ bind: `ipc://${folder}/robot`, peers: [`ipc://${folder}/operator`] }),
  });
});

after(() => loop.remove());

test("a candidate takes over between two plans while the robot moves: no plan is missing and nothing halts", async () => {
  loop.haltedTicks = 0;
  loop.plans.length = 0;
  const candidate = await loop.propose("second", (manifest) => {
    manifest.training.seed = 1001;
  });
  const answer = await loop.call("world_model/promote");
  assert.equal(answer.success, true, answer.message);
  await loop.untilLast("kept");
  await loop.until("its plans", () => loop.plans.at(-1)?.model === candidate);
  assert.equal((await loop.models.live())?.name, "second");
  const ids = loop.plans.map(({ id }) => id);
  assert.deepEqual(
    ids,
    ids.map((_, i) => ids[0]! + i),
  );
  const switches = loop.plans.filter(({ model }, i) => i > 0 && model !== loop.plans[i - 1]!.model);
  assert.equal(switches.length, 1);
  assert.ok(switches[0]!.surprise > 0, "its belief began before its first plan: a first observation surprises nobody");
  assert.equal(loop.haltedTicks, 0);
  await loop.until("steady", () => loop.state === `steady ${candidate}`);
});

test("a candidate that its own limit calls surprised is refused in the shadow run and never plans", async () => {
  const before = await loop.models.live();
  const candidate = await loop.propose("startled", (manifest) => {
    manifest.surpriseLimit = 1e-6;
    manifest.surpriseWarn = 5e-7;
  });
  loop.plans.length = 0;
  await loop.call("world_model/promote");
  await loop.until("refused", async () => {
    const last = (await loop.models.ledger()).events.at(-1)!;
    return last.event === "shadowed" && !last.passed;
  });
  assert.ok(loop.plans.length > 0 && loop.plans.every(({ model }) => model !== candidate));
  assert.deepEqual(await loop.models.live(), before);
});

test("an operator rolls back to the model before, which is still warm", async () => {
  const answer = await loop.call("world_model/rollback");
  assert.equal(answer.success, true, answer.message);
  assert.equal((await loop.models.live())?.name, "first");
  const { hash } = (await loop.models.live())!;
  await loop.until("planning", () => loop.plans.at(-1)?.model === hash);
});

/** A command in a process of its own, while the loop goes on in this one. */
async function latentloop(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const main = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));
  const child = spawn(process.execPath, [main, ...args]);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { status, stdout, stderr };
}

const doors = () => ["--at", `ipc://${loop.folder}/robot`, "--bind", `ipc://${loop.folder}/operator`];

test("the command line leads a bundle through the gates, and the node that runs takes it over", async () => {
  const bundle = join(loop.folder, "tuned");
  const hash = await writeVariant(bundle, (manifest) => {
    manifest.training.seed = 1003;
  });
  const judged = ["--models", loop.models.path, "--task", "reach", "--episodes", "2", "--without", "latency"];
  const asked = await latentloop("models", "promote", bundle, ...judged, ...doors(), "--json");
  assert.equal(asked.status, 0, asked.stderr);
  const { name, passed, answer } = JSON.parse(asked.stdout);
  assert.equal(passed, true);
  assert.match(answer, new RegExp(`${name} runs beside the live model first`));
  await loop.untilLast("kept");
  assert.deepEqual([(await loop.models.live())?.name, (await loop.models.live())?.hash], [name, hash]);
  await loop.until("its plans", () => loop.plans.at(-1)?.model === hash);
  const fates = (await loop.models.ledger()).events
    .filter(({ model }) => model.hash === hash)
    .map(({ event }) => event);
  assert.deepEqual(fates, ["judged", "shadowed", "promoted", "kept"]);

  const again = await latentloop("models", "promote", bundle, ...judged, ...doors());
  assert.equal(again.status, 1, "it acts already");
  assert.match(again.stderr, /refused: .*acts already/);
  assert.equal((await loop.models.live())?.name, name);
});

test("the command line reaches the node that runs: it rolls back, and says why it cannot any further", async () => {
  const done = await latentloop("models", "rollback", ...doors(), "--json");
  assert.equal(done.status, 0, done.stderr);
  assert.match(JSON.parse(done.stdout).answer, /first acts again/);
  assert.equal((await loop.models.live())?.name, "first");
  const again = await latentloop("models", "rollback", ...doors());
  assert.equal(again.status, 1);
  assert.match(again.stderr, /no model acted before this one/);
});
