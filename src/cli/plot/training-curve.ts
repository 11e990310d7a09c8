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

/** One panel per kind of figure: losses by phase, then what only some phases measure. */
function panelsOf(curve: readonly CurvePoint[]): Panel[] {
  const seriesOf = (figure: string, phases: readonly string[]) =>
    phases.map((phase) => ({
      name: phases.length > 1 ? phase : figure,
      points: curve.flatMap(({ elapsedS, figures, phase: at }): [number, number][] => {
        const value = figures[figure];
        return at === phase && value !== undefined ? [[elapsedS, value]] : [];
      }),
    }));
  const phasesWith = (figure: string) => [
    ...new Set(curve.filter(({ figures }) => figure in figures).map(({ phase }) => phase)),
  ];
  const panel = (figure: string, label: string, scale: Panel["scale"], phases = phasesWith(figure)): Panel[] =>
    phases.length === 0 ? [] : [{ label, scale, series: seriesOf(figure, phases) }];
  return [
    ...panel("loss", "loss", "log"),
    ...panel("validationCm", "validation error in cm", "log", ["representation"]),
    ...panel("return", "return while collecting", "linear", ["collect"]),
    ...panel("meanReturn", "return in evaluation", "linear"),
    ...panel("successRate", "success rate in evaluation", "linear"),
  ];
}
