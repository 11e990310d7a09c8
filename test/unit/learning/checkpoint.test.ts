import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeTensor, type Tensor } from "../../../src/core/tensor.ts";
import type { AtomicFileSystem } from "../../../src/learning/atomic-file.ts";
import {
  type Checkpoint,
  checkTensors,
  loadCheckpoint,
  saveCheckpoint,
} from "../../../src/learning/optimization/checkpoint.ts";
import { encodeSafetensors } from "../../../src/learning/optimization/safetensors.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentloop-checkpoint-"));
});
after(() => rm(folder, { recursive: true }));

function checkpointAt(step: number, count = 8): Checkpoint {
  const weight = makeTensor("float32", [count], new Float32Array(count).fill(step));
  return { tensors: new Map([["weight", weight]]), progress: { step, seed: 3, extra: { model: "vae" } } };
}

test("a saved checkpoint loads with the same tensors and progress", async () => {
  const path = join(folder, "same.safetensors");
  await saveCheckpoint(path, checkpointAt(12));
  assert.deepEqual(await loadCheckpoint(path), checkpointAt(12));
});

test("a disk that fills up at any call leaves the last good checkpoint and no partial file", async () => {
  const path = join(folder, "full.safetensors");
  await saveCheckpoint(path, checkpointAt(1));
  const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  const failing: AtomicFileSystem[] = [
    { open: full, rename, rm },
    { open, rename: full, rm },
    ...(["writeFile", "sync"] as const).map(
      (call): AtomicFileSystem => ({
        open: async (name, flags) => Object.assign(await open(name, flags), { [call]: full }),
        rename,
        rm,
      }),
    ),
  ];
  for (const files of failing) {
    await assert.rejects(saveCheckpoint(path, checkpointAt(2), files), {
      code: "ERR_CHECKPOINT_WRITE",
      message: `${path} could not be written: no space left on device.`,
    });
    assert.equal((await loadCheckpoint(path)).progress.step, 1);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith(".partial")),
      [],
    );
  }
});

test("a writer killed at any moment leaves a whole checkpoint", { timeout: 240_000 }, async () => {
  const path = join(folder, "killed.safetensors");
  const learning = new URL("../../../src/learning/optimization/", import.meta.url);
  const program = `
    import { saveCheckpoint } from ${JSON.stringify(new URL("checkpoint.js", learning).href)};
    const data = new Float32Array(1 << 19);
    for (let step = 1; ; step++) {
      const tensors = new Map([["weight", { dtype: "float32", shape: [data.length], data: data.fill(step) }]]);
      await saveCheckpoint(${JSON.stringify(path)}, { tensors, progress: { step, seed: 0, extra: {} } });
      process.stdout.write("x");
    }`;
  for (let round = 0; round < 5; round++) {
    const writer = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for (let written = 0; written <= round; written++) await once(writer.stdout, "data");
    writer.kill("SIGKILL");
    await once(writer, "exit");
    const { tensors, progress } = await loadCheckpoint(path);
    assert.ok(progress.step > round);
    assert.ok((tensors.get("weight")!.data as Float32Array).every((value) => value === progress.step));
  }
});

test("a checkpoint cut off half-way says so, and so does one that is missing", async () => {
  const path = join(folder, "cut.safetensors");
  await saveCheckpoint(path, checkpointAt(5, 1000));
  await truncate(path, (await stat(path)).size >> 1);
  await assert.rejects(loadCheckpoint(path), { code: "ERR_CHECKPOINT_UNREADABLE", message: /cut off: "weight" ends/ });
  await assert.rejects(loadCheckpoint(join(folder, "absent")), {
    code: "ERR_CHECKPOINT_UNREADABLE",
    message: /ENOENT/,
  });
});

test("a safetensors file that is no checkpoint of ours, or of a later version, is refused", async () => {
  const path = join(folder, "other.safetensors");
  for (const [metadata, sentence] of [
    [{}, /found format none, version none/],
    [{ format: "latentloop-checkpoint", version: "2" }, /found format latentloop-checkpoint, version 2/],
    [{ format: "latentloop-checkpoint", version: "1", progress: '{"step":-1}' }, /progress record is wrong/],
  ] as const) {
    await writeFile(path, encodeSafetensors({ tensors: new Map(), metadata }));
    await assert.rejects(loadCheckpoint(path), { code: "ERR_CHECKPOINT_UNREADABLE", message: sentence });
  }
});

test("a missing, unknown, misshapen or mistyped tensor is named", () => {
  const specs = [
    { name: "encoder.weight", shape: [2, 3], dtype: "float32" },
    { name: "encoder.bias", shape: [3], dtype: "float32" },
  ] as const;
  const good: [string, Tensor][] = specs.map(({ name, shape, dtype }) => [name, makeTensor(dtype, shape)]);
  const check = (tensors: [string, Tensor][]) => () => checkTensors(specs, new Map(tensors), "a.safetensors");
  const mismatch = (message: RegExp) => ({ code: "ERR_CHECKPOINT_MISMATCH", message });
  assert.doesNotThrow(check(good));
  assert.throws(check(good.slice(1)), mismatch(/^a\.safetensors lacks "encoder\.weight"\.$/));
  assert.throws(
    check([...good, ["extra", makeTensor("float32", [])]]),
    mismatch(/holds "extra", which the model does/),
  );
  assert.throws(
    check([good[0]!, ["bias", makeTensor("float32", [3])]]),
    mismatch(/lacks "encoder\.bias" and holds "bias"/),
  );
  assert.throws(
    check([good[0]!, ["encoder.bias", makeTensor("float32", [4])]]),
    mismatch(/holds "encoder\.bias" as float32 \[4\], expected float32 \[3\]/),
  );
  assert.throws(
    check([good[0]!, ["encoder.bias", makeTensor("int32", [3])]]),
    mismatch(/as int32 \[3\], expected float32/),
  );
});

test("equal checkpoints have equal bytes", async () => {
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  await saveCheckpoint(first, checkpointAt(9));
  await saveCheckpoint(second, checkpointAt(9));
  assert.deepEqual(await readFile(first), await readFile(second));
});
