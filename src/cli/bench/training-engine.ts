import type { TensorData } from "../../core/tensor.ts";
import { buildStep } from "../../graph/index.ts";
import { copyTensors, emptyState, initialTensors } from "../../learning/optimization/checkpoint-tensors.ts";
import { readSafetensors } from "../../learning/optimization/safetensors.ts";
import { countNodes, TrainingSession } from "../../learning/optimization/training-session.ts";
import type { Engine, EngineFiles } from "./contest-engine.ts";
import { TRAINING } from "./networks/index.ts";

/** One workload's training step on onnxruntime, always on the same batch. */
export async function trainingEngine({ workload, weights, batch, session: options }: EngineFiles): Promise<Engine> {
  const began = performance.now();
  const { definition, updates } = TRAINING[workload]!;
  const step = buildStep(definition, updates);
  const built = performance.now();
  const session = await TrainingSession.create(step, options);
  const ready = performance.now();

  const stored = await readSafetensors(weights);
  const state = emptyState(step);
  copyTensors(step, new Map([...initialTensors(step, 0), ...stored.tensors]), state);
  session.load(state);
  const { tensors } = await readSafetensors(batch);
  const arrays = Object.fromEntries([...tensors].map(([name, { data }]) => [name, repeat(data, updates ?? 1)]));
  const lossColumn = step.metrics.indexOf("loss");
  let update = 0;
  const train = async (inputs: Readonly<Record<string, TensorData>>) => {
    const metrics = await session.run(inputs, update);
    update += updates ?? 1;
    return metrics[lossColumn]!;
  };

  async function curve(count: number): Promise<number[]> {
    const [images, noises] = [tensors.get("images")!, tensors.get("noises")!];
    const size = noises.shape[1]!;
    const [imageSize, noiseSize] = [images.data.length / images.shape[0]!, noises.data.length / noises.shape[0]!];
    const image = new Uint8Array(size * imageSize);
    const losses: number[] = [];
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < size; k++) {
        const row = (i * size + k) % images.shape[0]!;
        image.set((images.data as Uint8Array).subarray(row * imageSize, (row + 1) * imageSize), k * imageSize);
      }
      const noise = (noises.data as Float32Array).slice(i * noiseSize, (i + 1) * noiseSize);
      losses.push(await train({ image, noise }));
    }
    return losses;
  }

  return {
    greeting: {
      engine: "onnxruntime",
      buildMs: built - began,
      sessionMs: ready - built,
      nodes: countNodes(step.graph),
    },
    async run(count) {
      let made = 0;
      for (; made < count; made += updates ?? 1) await train(arrays);
      return made;
    },
    async answer(command) {
      if (command.do === "curve") return { losses: await curve(command.count) };
      const loss = await train(arrays);
      session.load(state);
      return { loss };
    },
  };
}

/** The same batch for every update of a run. */
function repeat(data: TensorData, times: number): TensorData {
  if (times === 1) return data;
  const repeated = new (data.constructor as new (length: number) => Float32Array)(times * data.length);
  for (let i = 0; i < times; i++) repeated.set(data as Float32Array, i * data.length);
  return repeated;
}
