import { join } from "node:path";
import { z } from "zod";
import { graphsOf } from "../../config/manifest.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { TensorData } from "../../core/tensor.ts";
import { isWorse, relativeError } from "../bundle/graph-agreement.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import { PARITY_FILE, type ParitySample, readParity } from "../bundle/parity-file.ts";
import { atMost, defineGate, failure } from "./gate.ts";

/** The ONNX files compute what the trainer computed, by the sample that the trainer left beside the manifest. */
export const parity = defineGate({
  name: "parity",
  about: "every graph gives what the trainer got on its own sample",
  essential: true,
  seesEpisodes: false,
  parameters: z.strictObject({
    maxRelativeError: z
      .number()
      .positive()
      .default(1e-3)
      .describe("Largest difference, relative to the output's size."),
  }),
  async measure({ candidate }, { maxRelativeError }) {
    const samples = await readParity(join(candidate.folder, PARITY_FILE)).catch((thrown) => {
      if (thrown instanceof LatentloopError) return thrown;
      throw thrown;
    });
    if (samples instanceof LatentloopError) return failure(samples.message);
    let worst = { error: 0, output: "" };
    for (const { name, inputs, outputs } of graphsOf(candidate.manifest)) {
      const sample = samples.get(name);
      const lacking = [
        ...inputs.filter((spec) => sample?.inputs.get(spec.name)?.dtype !== spec.dtype),
        ...outputs.filter((spec) => sample?.outputs.get(spec.name)?.dtype !== spec.dtype),
      ];
      if (!sample || lacking.length > 0) {
        return failure(`${PARITY_FILE} lacks ${lacking.map((spec) => spec.name).join(", ")} of ${name}`);
      }
      const found = await worstOutput(candidate.onnx[name]!, sample);
      if (isWorse(found.error, worst.error)) worst = { ...found, output: `${name}.${found.output}` };
    }
    return atMost(worst.error, maxRelativeError, "relative error", worst.output === "" ? "exact" : worst.output);
  },
});

async function worstOutput(
  onnx: Uint8Array,
  { inputs, outputs }: ParitySample,
): Promise<{ error: number; output: string }> {
  const graph = await LocalGraph.open(onnx);
  try {
    for (const [name, { data }] of inputs) feed(graph, name, data);
    const found = await graph.run();
    let worst = { error: 0, output: "" };
    for (const [output, { data }] of outputs) {
      const values = found[output];
      const error = values?.length === data.length ? relativeError(data, values) : Number.NaN;
      if (isWorse(error, worst.error)) worst = { error, output };
    }
    return worst;
  } finally {
    await graph.close();
  }
}

/** @throws ERR_GRAPH_MISMATCH unless the graph has such an input, of the sample's type and size */
function feed({ inputs }: LocalGraph, name: string, data: TensorData): void {
  const input = inputs[name];
  if (input?.length === data.length && input.constructor === data.constructor) {
    input.set(data as never);
    return;
  }
  const found = input ? `${input.length} in a ${input.constructor.name}` : "no such input";
  const wanted = `${data.length} in a ${data.constructor.name}`;
  throw new LatentloopError(
    "ERR_GRAPH_MISMATCH",
    `Expected elements of input '${name}' as sampled, ${wanted}, but the file has ${found}.`,
    {
      remedy: "Write the sample and the ONNX file from the same model.",
    },
  );
}
