import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Command } from "commander";
import { pathExists } from "../../config/path-exists.ts";
import { LatentloopError } from "../../core/errors.ts";
import { CurveFile } from "../../learning/run/curve.ts";
import { CURVE_FILE } from "../../learning/run/training-run.ts";
import { printResult } from "../output.ts";
import { drawReturns, type NamedCurve } from "../plot/return-curve.ts";
import { drawTrainingCurve } from "../plot/training-curve.ts";

interface CurveFlags {
  readonly out?: string;
  readonly json: boolean;
}

/** `latentloop curve`: what training runs have written so far, as charts. */
export function curveCommand(): Command {
  return new Command("curve")
    .description(
      "draw the losses and returns of a training run, also while it goes on, or the returns of several in one chart",
    )
    .argument("<run...>", "folders of training runs")
    .option("--out <path>", "where to draw, without an ending; by default <run>/curve, and ./returns for several")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (folders: string[], { out, json }: CurveFlags) => {
      const runs = await Promise.all(folders.map(readRun));
      const [only] = runs;
      if (out !== undefined) await mkdir(dirname(out), { recursive: true });
      const files =
        runs.length === 1 ? await drawOne(only!, out ?? join(folders[0]!, "curve")) : await drawAll(runs, out);
      const reached = runs.map(({ name, curve }) => ({ name, ...placeOf(curve) }));
      const lines = reached.map(
        ({ name, environmentSteps, updates }) => `${name}: ${environmentSteps} environment steps, ${updates} updates`,
      );
      printResult({ runs: reached, files }, [...lines, ...files].join("\n"), json);
    });
}

async function readRun(folder: string): Promise<NamedCurve> {
  const file = join(folder, CURVE_FILE);
  const curve = (await pathExists(file)) ? await new CurveFile(file).read() : [];
  if (curve.length > 0) return { name: basename(folder), curve };
  throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected a training run that has begun but received ${folder}.`, {
    remedy: `A run writes ${CURVE_FILE} into the folder that \`latentloop train --out\` names.`,
  });
}

async function drawOne({ name, curve }: NamedCurve, out: string): Promise<string[]> {
  await drawTrainingCurve(out, name, curve);
  return [`${out}.svg`, `${out}.png`];
}

async function drawAll(runs: readonly NamedCurve[], out = "returns"): Promise<string[]> {
  await drawReturns(out, { title: basename(out), runs });
  return [`${out}.svg`, `${out}.csv`];
}

function placeOf(curve: NamedCurve["curve"]): { environmentSteps: number; updates: number } {
  const { environmentSteps, updates } = curve.at(-1)!;
  return { environmentSteps, updates };
}
