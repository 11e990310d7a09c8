import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { readBundle, readManifest } from "../../../../src/inference/read-bundle.ts";
import { ModelsFolder } from "../../../../src/learning/models/models-folder.ts";
import { writeSampleBundle } from "../../../support/sample-bundle.ts";

const AT = "2026-01-02T03:04:05.678Z";

async function emptyFolder(t: TestContext): Promise<ModelsFolder> {
  const path = await mkdtemp(join(tmpdir(), "latentloop-models-"));
  t.after(() => rm(path, { recursive: true }));
  return new ModelsFolder(path);
}

/** A models folder with bundles a, b, c that differ in their seed. */
async function folderOfThree(t: TestContext) {
  const models = await emptyFolder(t);
  for (const [seed, name] of ["a", "b", "c"].entries()) {
    const folder = await writeSampleBundle(t, {
      change(manifest) {
        manifest.training.seed = seed;
      },
    });
    await cp(folder, models.folderOf(name), { recursive: true });
  }
  const promote = async (name: string) => {
    const { modelHash: hash } = await readManifest(models.folderOf(name));
    await models.promote({ name, hash }, "test", AT);
  };
  return { models, promote };
}

test("promoting and rolling back walk through the models that acted, and the ledger has every step", async (t) => {
  const { models, promote } = await folderOfThree(t);
  assert.equal(await models.live(), undefined);
  for (const name of ["a", "b", "c"]) await promote(name);
  assert.equal((await models.live())?.name, "c");
  assert.equal((await models.rollBack("test", "worse", AT)).name, "b");
  assert.equal((await models.rollBack("test", "worse still", AT)).name, "a");
  assert.equal((await models.live())?.name, "a");
  await assert.rejects(models.rollBack("test", "again", AT), { code: "ERR_NO_PREVIOUS_MODEL" });
  const { events } = await models.ledger();
  assert.deepEqual(
    events.map(({ event, model }) => `${event} ${model.name}`),
    ["promoted a", "promoted b", "promoted c", "rolled-back c", "rolled-back b"],
  );
});

test("the live link given as a bundle is the bundle that it leads to, and promoting that again loses nothing", async (t) => {
  const { models, promote } = await folderOfThree(t);
  await promote("a");
  await promote("b");
  const link = join(await mkdtemp(join(tmpdir(), "latentloop-link-")), "models");
  t.after(() => rm(dirname(link), { recursive: true }));
  await symlink(models.path, link);
  for (const path of [models.path, link]) {
    const bundle = await readBundle(join(path, "live"));
    assert.equal(await models.admit(bundle), "b");
    assert.equal(await new ModelsFolder(link).admit(bundle), "b");
  }
  await promote("b");
  assert.equal((await models.live())?.name, "b");
  assert.equal((await models.previous())?.name, "a");
});

test("the link never leads to itself", async (t) => {
  const { models, promote } = await folderOfThree(t);
  await promote("a");
  const { hash } = (await models.live())!;
  await assert.rejects(models.promote({ name: "live", hash }, "test", AT), { code: "ERR_INVALID_ARGUMENT" });
  assert.equal((await models.live())?.name, "a");
  assert.equal((await models.ledger()).events.length, 1);
});

test("a model whose watch was cut off is gone back from; one that stood it, or that an operator chose, is not", async (t) => {
  const { models, promote } = await folderOfThree(t);
  await promote("a");
  await promote("b");
  assert.equal(await models.rollBackUnwatched("node", AT), undefined, "promoted by somebody else");
  const { modelHash: hash } = await readManifest(models.folderOf("c"));
  await models.promote({ name: "c", hash }, "node", AT);
  assert.equal((await models.rollBackUnwatched("node", AT))?.name, "b");
  assert.equal((await models.live())?.name, "b");
  await models.promote({ name: "c", hash }, "node", AT);
  await models.record({ event: "kept", at: AT, model: { name: "c", hash }, verdicts: [] });
  assert.equal(await models.rollBackUnwatched("node", AT), undefined, "it stood its watch");
  assert.equal((await models.live())?.name, "c");
});

test("a model that changed since it acted is not gone back to", async (t) => {
  const { models, promote } = await folderOfThree(t);
  await promote("a");
  await promote("b");
  await writeFile(join(models.folderOf("a"), "manifest.json"), "{}");
  await assert.rejects(models.rollBack("test", "worse", AT), { code: "ERR_NO_PREVIOUS_MODEL" });
  assert.equal((await models.live())?.name, "b");
});

test("a bundle from elsewhere is copied in whole, once", async (t) => {
  const models = await emptyFolder(t);
  const bundle = await readBundle(await writeSampleBundle(t));
  const name = await models.admit(bundle);
  assert.equal(name, `sample-${bundle.modelHash.slice(0, 8)}`);
  assert.equal((await readBundle(models.folderOf(name))).modelHash, bundle.modelHash);
  assert.equal(await models.admit(bundle), name);
  assert.equal(await models.admit(await readBundle(models.folderOf(name))), name);
  assert.deepEqual(await readdir(models.path), [name]);
});

test("a bundle whose files no longer match is not let in", async (t) => {
  const models = await emptyFolder(t);
  const folder = await writeSampleBundle(t);
  const bundle = await readBundle(folder);
  await writeFile(join(folder, "plan.onnx"), "cut");
  await assert.rejects(models.admit(bundle), { code: "ERR_BUNDLE_HASH" });
  assert.deepEqual(await models.list(), []);
});

test("a half-copied bundle is not listed, an unreadable one is listed without a hash", async (t) => {
  const { models } = await folderOfThree(t);
  await mkdir(models.folderOf("d.partial"));
  await mkdir(models.folderOf("e"));
  assert.deepEqual(
    (await models.list()).map(({ name, hash }) => [name, hash !== null]),
    [
      ["a", true],
      ["b", true],
      ["c", true],
      ["e", false],
    ],
  );
});
