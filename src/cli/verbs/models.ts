import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { graphsOf, type Manifest } from "../../config/manifest.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { systemClock } from "../../core/clock.ts";
import { formatShape, type TensorSpec } from "../../core/tensor.ts";
import { formatPlacement } from "../../inference/place-graph.ts";
import { inferenceParameters } from "../../inference/placement.ts";
import { readManifest } from "../../inference/read-bundle.ts";
import { type BundleVerdict, verifyBundle } from "../../inference/verify-bundle.ts";
import { compareCommand } from "../models/compare-command.ts";
import { scoreCommand } from "../models/score-command.ts";
import { storeCommands } from "../models/store-commands.ts";
import { surpriseCommand } from "../models/surprise-command.ts";
import { formatTable, printResult } from "../output.ts";

interface JsonOption {
  readonly json: boolean;
}

/** `latentloop models …`: what is in a bundle, whether it may drive a robot, and which one does. */
export function modelsCommand(): Command {
  const models = new Command("models")
    .description("work with model bundles")
    .addCommand(inspectCommand())
    .addCommand(verifyCommand())
    .addCommand(compareCommand())
    .addCommand(scoreCommand())
    .addCommand(surpriseCommand());
  for (const command of storeCommands()) models.addCommand(command);
  return models;
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("say what a model sees, does, needs and where it came from")
    .argument("<folder>", "the bundle's folder")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (folder: string, { json }: JsonOption) => {
      const { manifest, modelHash } = await readManifest(folder);
      const sizes = await Promise.all(graphsOf(manifest).map(({ file }) => sizeOf(join(folder, file))));
      printResult({ ...manifest, modelHash, graphBytes: sizes }, formatManifest(manifest, modelHash, sizes), json);
    });
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("check a model to the end: manifest, hashes, ONNX files, real runs and their latency")
    .argument("<folder>", "the bundle's folder")
    .option("--provider <name>", "auto, cuda, webgpu or cpu", "auto")
    .option("--threads <n>", "CPU threads per operator; 0 measures", Number, 0)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (folder: string, { json, provider, threads }: JsonOption & { provider: string; threads: number }) => {
      const parameters = parseStrict(inferenceParameters, { provider, threads }, "the command line");
      const verdict = await verifyBundle(folder, parameters, systemClock());
      printResult({ ok: true, ...verdict }, formatVerdict(verdict), json);
    });
}

const sizeOf = async (file: string): Promise<number | null> => (await stat(file).catch(() => undefined))?.size ?? null;

export function formatManifest(manifest: Manifest, modelHash: string, graphBytes: readonly (number | null)[]): string {
  const { algorithm, observation, action, training, evaluation } = manifest;
  const cameras = observation.cameras.map(
    ({ name, width, height, colorOrder, crop }) =>
      `${name} ${width}×${height} ${colorOrder}${crop ? `, cropped to ${crop.width}×${crop.height} at ${crop.x}, ${crop.y}` : ""}`,
  );
  const actions = action.dimensions.map(({ name, unit, low, high }) => `${name} ${low} … ${high} ${unit}`);
  const data = training.data.map(({ source, episodes, steps }) => `${source} (${episodes} episodes, ${steps} steps)`);
  const scores = evaluation.map(
    ({ task, metric, value, episodes }) => `${task}: ${metric} ${value} over ${episodes} episodes`,
  );
  const facts = formatTable([
    ["name", `${manifest.name} (${modelHash})`],
    ["algorithm", algorithm.name],
    ["licence", manifest.licence],
    ["policy rate", `${manifest.policyRateHz} Hz`],
    ["latent", String(manifest.latentSize)],
    ...listed("cameras", cameras),
    ...listed("proprioception", [observation.proprioception.map(({ name }) => name).join(", ")]),
    ...listed("actions", actions),
    ["trained by", training.command],
    ...listed("trained on", data),
    ...listed("scores", scores),
  ]);
  const graphs = formatTable([
    ["graph", "size", "inputs", "outputs"],
    ...graphsOf(manifest).map(({ name, inputs, outputs }, i) => [
      name,
      formatBytes(graphBytes[i]),
      inputs.map(formatTensor).join(" "),
      outputs.map(formatTensor).join(" "),
    ]),
  ]);
  return `${facts}\n\n${graphs}\n`;
}

/** The heading before the first item, nothing before the others. */
function listed(heading: string, items: readonly string[]): string[][] {
  return items.length === 0 ? [[heading, "none"]] : items.map((item, i) => [i === 0 ? heading : "", item]);
}

function formatTensor({ name, shape, dtype }: TensorSpec): string {
  return `${name}${formatShape(shape).replaceAll(" ", "")}${dtype === "float32" ? "" : `:${dtype}`}`;
}

function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "missing";
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function formatVerdict({ name, modelHash, graphs, periodShare, warnings }: BundleVerdict): string {
  const rows = graphs.map(({ graph, placement, loadMs, runs, p50Ms, p99Ms }) => [
    graph,
    formatPlacement(placement),
    `${loadMs.toFixed(0)} ms`,
    String(runs),
    `${p50Ms.toFixed(3)} ms`,
    `${p99Ms.toFixed(3)} ms`,
  ]);
  const table = formatTable([["graph", "runs on", "loading", "runs", "p50", "p99"], ...rows]);
  const share = `One policy step takes ${(100 * periodShare).toFixed(1)} % of its period at p99${periodShare > 1 ? ": too slow for this machine" : ""}.`;
  return [`✓ ${name} (${modelHash}) keeps the contract.`, table, share, ...warnings].join("\n");
}
