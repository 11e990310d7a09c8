import { writeFile } from "node:fs/promises";
import type { CurvePoint } from "../../learning/run/curve.ts";
import { renderLineCharts, type Series } from "./line-chart.ts";

/** One run of a task: its curve under the name that the chart shows. */
export interface NamedCurve {
  readonly name: string;
  readonly curve: readonly CurvePoint[];
}

/** Returns over environment steps, as papers show them. */
export interface ReturnChart {
  readonly title: string;
  readonly runs: readonly NamedCurve[];
  /** A return to compare with, drawn as a level line. */
  readonly published?: { readonly name: string; readonly meanReturn: number };
}

/** Episodes that the curve of collected returns is averaged over. */
const SMOOTHED = 5;

/** Writes `<path>.svg` and the numbers behind it as `<path>.csv`. */
export async function drawReturns(path: string, { title, runs, published }: ReturnChart): Promise<void> {
  const evaluated = runs.flatMap(({ name, curve }) => seriesOf(name, curve, "evaluate", "meanReturn"));
  const collected = runs.flatMap(({ name, curve }) => seriesOf(name, curve, "collect", "return").map(smoothed));
  const last = Math.max(...[...evaluated, ...collected].flatMap(({ points }) => points.map(([steps]) => steps)));
  const reference: Series[] = published
    ? [{ name: published.name, points: [0, last].map((steps) => [steps, published.meanReturn] as const) }]
    : [];
  const svg = renderLineCharts(title, "environment steps", [
    { label: "return in evaluation", scale: "linear", series: [...evaluated, ...reference] },
    {
      label: `return while collecting, mean of ${SMOOTHED} episodes`,
      scale: "linear",
      series: [...collected, ...reference],
    },
  ]);
  await writeFile(`${path}.svg`, `${svg}\n`);
  const rows = runs.flatMap(({ name, curve }) => curve.flatMap((point) => rowOf(name, point)));
  await writeFile(
    `${path}.csv`,
    ["run,phase,environment_steps,updates,elapsed_s,processor_s,return", ...rows, ""].join("\n"),
  );
}

function seriesOf(name: string, curve: readonly CurvePoint[], phase: string, figure: string): Series[] {
  const points = curve.flatMap(({ phase: at, environmentSteps, figures }): [number, number][] => {
    const value = figures[figure];
    return at === phase && value !== undefined ? [[environmentSteps, value]] : [];
  });
  return points.length > 0 ? [{ name, points }] : [];
}

/** Every point becomes the mean of itself and those just before it. */
function smoothed({ name, points }: Series): Series {
  const meanUpTo = (end: number) => {
    const window = points.slice(Math.max(0, end + 1 - SMOOTHED), end + 1);
    return window.reduce((sum, [, value]) => sum + value, 0) / window.length;
  };
  return { name, points: points.map(([steps], i) => [steps, meanUpTo(i)]) };
}

function rowOf(name: string, point: CurvePoint): string[] {
  const { phase, environmentSteps, updates, elapsedS, processorS, figures } = point;
  const value = phase === "evaluate" ? figures.meanReturn : figures.return; // what training calls so is imagined
  return value === undefined
    ? []
    : [[name, phase, environmentSteps, updates, elapsedS.toFixed(0), processorS.toFixed(0), value.toFixed(2)].join()];
}
