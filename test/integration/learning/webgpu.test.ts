import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { LatentloopError } from "../../../src/core/errors.ts";
import type { Tensor } from "../../../src/core/tensor.ts";
import { inlineBatches } from "../../../src/learning/optimization/batches.ts";
import type { SessionOptions } from "../../../src/learning/optimization/session.ts";
import { train } from "../../../src/learning/optimization/train.ts";
import { freshStart, Trainer } from "../../../src/learning/optimization/trainer.ts";
import { lineFit, linePoints } from "../../support/line-fit.ts";

/** Chromium's software Vulkan serves where there is no GPU; it must be named before the driver is loaded. */
const SOFTWARE_VULKAN = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (existsSync(SOFTWARE_VULKAN)) process.env.VK_ICD_FILENAMES ??= SOFTWARE_VULKAN;

async function trained(session: SessionOptions): Promise<ReadonlyMap<string, Tensor>> {
  const step = lineFit();
  const from = freshStart(step, 4);
  const trainer = await Trainer.create({ step, from, batches: (plan) => inlineBatches(linePoints(), plan), session });
  try {
    await train(trainer, { untilStep: 15 });
    await trainer.snapshot(); // reading the state must not disturb it
    await train(trainer, { untilStep: 30 });
    return (await trainer.snapshot()).tensors;
  } finally {
    await trainer.close();
  }
}

test("training on WebGPU, its state kept on the device, gives the CPU's result", async (context) => {
  let onGpu: ReadonlyMap<string, Tensor>;
  try {
    onGpu = await trained({ provider: "webgpu" });
  } catch (error) {
    if (!(error instanceof LatentloopError && error.code === "ERR_PROVIDER_UNAVAILABLE")) throw error;
    return context.skip(`no WebGPU adapter: ${error.message}`);
  }
  for (const [name, { data }] of await trained({ provider: "cpu" })) {
    for (const [i, value] of onGpu.get(name)!.data.entries()) {
      assert.ok(Math.abs(Number(value) - Number(data[i])) < 1e-5, `${name}[${i}]: ${value} and ${data[i]}`);
    }
  }
});
