import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GRAPH_NAMES, type GraphName } from "../../config/graph-contract.ts";
import { MANIFEST_VERSION, type Manifest, type ManifestGraph, manifestSchema } from "../../config/manifest.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { pathExists } from "../../config/path-exists.ts";
import { LatentloopError } from "../../core/errors.ts";
import { ConstantParameters, Graph, Parameters, type Sym } from "../../graph/index.ts";
import { syncFolder } from "../atomic-file.ts";
import { type GraphAgreement, type GraphDefinition, measureAgreement } from "./graph-agreement.ts";
import { encodeParity, PARITY_FILE } from "./parity-file.ts";

export interface BundleContents {
  readonly graphs: Readonly<Partial<Record<GraphName, GraphDefinition>>>;
  /** Trained values by parameter name. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly manifest: Omit<Manifest, "formatVersion" | "graphs">;
}

export interface ExportedBundle {
  readonly manifest: Manifest;
  /** How far each exported graph is from the same definition over the training state. */
  readonly agreements: readonly GraphAgreement[];
}

/** Rounding may differ where the runtime folds constants; anything wrong is far beyond this. */
export const MAX_RELATIVE_ERROR = 1e-3;

/**
 * Writes a bundle: the graphs with their parameters inside, the manifest, and a sample of what the training graphs compute
 * for whoever checks it later. The folder appears as a whole or not at all.
 *
 * Before it appears, every file is loaded again and its outputs are compared with those of the same definition fed with
 * the training state's parameters.
 *
 * @throws ERR_BUNDLE_EXISTS if the folder is there already
 * @throws ERR_EXPORT_MISMATCH if a file computes something else than the training graph
 * @throws ERR_INVALID_VALUE if the manifest does not fit the graphs
 */
export async function exportBundle(folder: string, contents: BundleContents): Promise<ExportedBundle> {
  if (await pathExists(folder)) {
    throw new LatentloopError("ERR_BUNDLE_EXISTS", `Expected a new folder for the bundle but ${folder} exists.`, {
      remedy: "Choose another name, or remove the old bundle first.",
    });
  }
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const agreements: GraphAgreement[] = [];
    const graphs: Partial<Record<GraphName, ManifestGraph>> = {};
    for (const name of GRAPH_NAMES) {
      const define = contents.graphs[name];
      if (!define) continue;
      const graph = new Graph(name);
      define(new Parameters(new ConstantParameters(graph, contents.parameters)));
      const onnx = graph.toOnnx();
      const file = `${name}.onnx`;
      await writeDurably(join(partial, file), onnx);
      graphs[name] = { file, sha256: createHash("sha256").update(onnx).digest("hex"), ...signatureOf(graph) };
      agreements.push(await measureAgreement(name, join(partial, file), define, contents.parameters));
    }
    const manifest = parseStrict(
      manifestSchema,
      { formatVersion: MANIFEST_VERSION, ...contents.manifest, graphs },
      "manifest.json",
    );
    for (const agreement of agreements) checkAgreement(agreement);
    const samples = new Map(agreements.map(({ graph, sample }) => [graph, sample]));
    await writeDurably(join(partial, PARITY_FILE), Buffer.concat(encodeParity(samples)));
    await writeDurably(join(partial, "manifest.json"), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    await syncFolder(partial);
    await rename(partial, folder);
    await syncFolder(dirname(folder));
    return { manifest, agreements };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function signatureOf(graph: Graph): Pick<ManifestGraph, "inputs" | "outputs"> {
  const specOf = (name: string, { shape, dtype }: Sym) => ({ name, shape, dtype });
  return {
    inputs: graph.inputs.map((input) => specOf(input.name, input)),
    outputs: graph.outputs.map(({ name, value }) => specOf(name, value)),
  };
}

function checkAgreement({ graph, maxRelativeError, worstOutput }: GraphAgreement): void {
  if (maxRelativeError <= MAX_RELATIVE_ERROR) return;
  throw new LatentloopError(
    "ERR_EXPORT_MISMATCH",
    `Expected ${graph}.onnx to compute what the training graph does, within ${MAX_RELATIVE_ERROR}, but "${worstOutput}" is off by ${maxRelativeError}.`,
    { remedy: "Do not use this bundle: report the model and its parameters." },
  );
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
