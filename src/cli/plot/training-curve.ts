import { writeFile } from "node:fs/promises";
import sharp from "sharp";
import type { CurvePoint } from "../../learning/run/curve.ts";
import { type Panel, renderLineCharts } from "./line-chart.ts";

/** Draws a run's curve as `<path>.svg` and `<path>.png`. */
export async function drawTrainingCurve(path: string, title: string, curve: readonly CurvePoint[]): Promise<void> {
  const svg = renderLineCharts(title, "seconds", panelsOf(curve));
  await writeFile(`${path}.svg`, svg);
  await sharp(Buffer.from(svg)).png().toFile(`${path}.png`);
}

/** One panel per kind of figure that was measured: losses by phase, then what only some phases measure. */
function panelsOf(curve: readonly CurvePoint[]): Panel[] {
  const pointsOf = (figure: string, phase: string) =>
    curve.flatMap(({ elapsedS, figures, phase: at }): [number, number][] => {
      const value = figures[figure];
      return at === phase && value !== undefined ? [[elapsedS, value]] : [];
    });
  const panel = (figure: string, label: string, scale: Panel["scale"], only?: string): Panel[] => {
    const measured = new Set(curve.filter(({ figures }) => figure in figures).map(({ phase }) => phase));
    const phases = [...measured].filter((phase) => only === undefined || phase === only);
    const nameOf = (phase: string) => (phases.length > 1 ? phase : figure);
    const series = phases.map((phase) => ({ name: nameOf(phase), points: pointsOf(figure, phase) }));
    return series.length === 0 ? [] : [{ label, scale, series }];
  };
  return [
    ...panel("loss", "loss", "log"),
    ...panel("validationCm", "validation error in cm", "log", "representation"),
    ...panel("return", "return while collecting", "linear", "collect"),
    ...panel("meanReturn", "return in evaluation", "linear"),
    ...panel("successRate", "success rate in evaluation", "linear"),
  ];
}
