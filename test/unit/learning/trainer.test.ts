import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type BatchPlan, inlineBatches } from "../../../src/learning/optimization/batches.ts";
import { type Checkpoint, loadCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import { prefetchBatches } from "../../../src/learning/optimization/prefetch.ts";
import { train } from "../../../src/learning/optimization/train.ts";
import { freshStart, Trainer, type TrainerOptions } from "../../../src/learning/optimization/trainer.ts";
import { lineFit, linePoints, TRUE_SLOPE } from "../../support/line-fit.ts";
import { criticBatches, tinyCritic } from "../../support/tiny-critic.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentloop-trainer-"));
});
after(() => rm(folder, { recursive: true }));

const start = () => freshStart(lineFit(), 21, { extra: { model: "line" } });
const clean = (plan: BatchPlan) => inlineBatches(linePoints(), plan);
const threaded = (plan: BatchPlan) =>
  prefetchBatches({ module: new URL("../../support/line-fit.js", import.meta.url), options: {} }, plan);

async function withTrainer<T>(options: Partial<TrainerOptions>, use: (trainer: Trainer) => Promise<T>): Promise<T> {
  const trainer = await Trainer.create({ step: lineFit(), from: start(), batches: clean, ...options });
  try {
    return await use(trainer);
  } finally {
    await trainer.close();
  }
}

/** State and progress after so many steps. */
function trained(untilStep: number, options: Partial<TrainerOptions> = {}): Promise<Checkpoint> {
  return withTrainer(options, async (trainer) => {
    await train(trainer, { untilStep });
    return trainer.snapshot();
  });
}

test("a program trains: the line's slope is found", async () => {
  const { tensors, progress } = await trained(300);
  const [a, b] = tensors.get("slope")!.data as Float32Array;
  assert.ok(Math.abs(a! - TRUE_SLOPE[0]) < 0.02 && Math.abs(b! - TRUE_SLOPE[1]) < 0.02, `${a}, ${b}`);
  assert.equal(progress.step, 300);
});

test("a run saved half-way and resumed ends with the same bytes as one without interruption", async () => {
  for (const options of [{}, { step: lineFit({ updates: 4 }) }, { batches: threaded }]) {
    const [half, resumed, straight] = ["half", "resumed", "straight"].map((name) =>
      join(folder, `${name}.safetensors`),
    );
    await withTrainer(options, (trainer) =>
      train(trainer, { untilStep: 20, checkpoint: { path: half!, everySteps: 100 } }),
    );
    const from = await loadCheckpoint(half!);
    await withTrainer({ ...options, from }, (trainer) =>
      train(trainer, { untilStep: 40, checkpoint: { path: resumed!, everySteps: 100 } }),
    );
    await withTrainer(options, (trainer) =>
      train(trainer, { untilStep: 40, checkpoint: { path: straight!, everySteps: 7 } }),
    );
    assert.deepEqual(await readFile(resumed!), await readFile(straight!));
  }
});

test("targets, moments, several optimisers and carried values resume exactly too", async () => {
  for (const updates of [undefined, 5]) {
    const step = tinyCritic(updates);
    const batches = (plan: BatchPlan) => inlineBatches(criticBatches(), plan);
    const path = join(folder, "critic.safetensors");
    const from = freshStart(step, 6);
    await withTrainer({ step, from, batches }, (trainer) =>
      train(trainer, { untilStep: 15, checkpoint: { path, everySteps: 100 } }),
    );
    const resumed = await trained(30, { step, batches, from: await loadCheckpoint(path) });
    assert.deepEqual(resumed, await trained(30, { step, batches, from }));
  }
});

test("K steps in one run give the state of K runs", async () => {
  const single = await trained(24);
  const looped = await trained(24, { step: lineFit({ updates: 6 }) });
  assert.deepEqual(looped, single);
});

test("every step is reported, also inside a loop of steps", async () => {
  const losses = async (updates?: number) =>
    withTrainer({ step: lineFit({ updates }) }, async (trainer) => {
      const reports: [number, number][] = [];
      await train(trainer, { untilStep: 12, onStep: ({ step, loss }) => reports.push([step, loss]) });
      return reports;
    });
  const single = await losses();
  assert.deepEqual(
    single.map(([step]) => step),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  assert.deepEqual(await losses(3), single);
});

test("a batch with a value that is no number is skipped and counted, and the state stays usable", async () => {
  const { tensors } = await trained(10, {
    batches: (plan) =>
      inlineBatches(
        linePoints((index) => index === 4 || index === 7),
        plan,
      ),
  });
  assert.equal(tensors.get("optimizer/fit/skipped")!.data[0], 2);
  assert.ok((tensors.get("slope")!.data as Float32Array).every(Number.isFinite));
});

test("a diverging run stops and names step, loss and the last good checkpoint, which is untouched", async () => {
  const path = join(folder, "good.safetensors");
  const options = {
    batches: (plan: BatchPlan) =>
      inlineBatches(
        linePoints((index) => index >= 12),
        plan,
      ),
    maxUnusableInRow: 5,
  };
  await assert.rejects(
    withTrainer(options, (trainer) => train(trainer, { untilStep: 100, checkpoint: { path, everySteps: 5 } })),
    {
      code: "ERR_TRAINING_DIVERGED",
      message: `Training of line_fit diverged at step 17: loss NaN, unusable 5 times in a row; the last good checkpoint is ${path} of step 10.`,
    },
  );
  assert.equal((await loadCheckpoint(path)).progress.step, 10);
});

test("a loss that runs away ends the run too, and a run without checkpoints says so", async () => {
  const runaway = withTrainer({ step: lineFit({ learningRate: 5 }) }, (trainer) => train(trainer, { untilStep: 1000 }));
  await assert.rejects(runaway, { code: "ERR_TRAINING_DIVERGED", message: /loss \S+, .*no checkpoint was saved\.$/ });
});

test("an aborted run stops after the step and saves", async () => {
  const path = join(folder, "aborted.safetensors");
  const controller = new AbortController();
  await withTrainer({}, (trainer) =>
    train(trainer, {
      untilStep: 100,
      checkpoint: { path, everySteps: 1000 },
      signal: controller.signal,
      onStep: ({ step }) => step === 6 && controller.abort(),
    }),
  );
  assert.equal((await loadCheckpoint(path)).progress.step, 6);
});

test("a state of another model is refused with the file's name", async () => {
  const tensors = new Map(start().tensors);
  tensors.delete("slope");
  await assert.rejects(
    Trainer.create({
      step: lineFit(),
      from: { ...start(), tensors },
      fromPath: "a.safetensors",
      batches: clean,
    }),
    {
      code: "ERR_CHECKPOINT_MISMATCH",
      message: /^a\.safetensors lacks "slope"/,
    },
  );
});

const cudaLibrary = new URL(
  "../bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so",
  import.meta.resolve("onnxruntime-node"),
);
const skipWithCuda = existsSync(fileURLToPath(cudaLibrary)) && "this machine has the CUDA provider";

test("a provider that this machine lacks is a clear error", { skip: skipWithCuda }, async () => {
  await assert.rejects(
    withTrainer({ session: { provider: "cuda" } }, async () => {}),
    {
      code: "ERR_PROVIDER_UNAVAILABLE",
      message: /^No session on the provider cuda: /,
    },
  );
});
