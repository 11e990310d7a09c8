import { writeFile } from "node:fs/promises";
import sharp from "sharp";
import type { BagContent } from "../../replay/bag-info.ts";
import { renderLineCharts } from "./line-chart.ts";

/** Topics of one or two messages have no intervals worth a panel. */
const FEWEST_MESSAGES = 3;

/** Draws the time between messages, topic by topic, as `<path>.svg` and `<path>.png`. */
export async function drawTopicIntervals(path: string, title: string, { timings, startNs }: BagContent): Promise<void> {
  const panels = timings
    .map((timing) => ({ timing, report: timing.report() }))
    .filter(({ report }) => report.messages >= FEWEST_MESSAGES)
    .map(({ timing, report }) => ({
      label: `${report.topic}: ms between messages (${report.rateHz.toFixed(1)} Hz, ${report.gaps.length} gaps)`,
      scale: "log" as const,
      series: [{ name: "", points: timing.intervals(startNs) }],
    }));
  const svg = renderLineCharts(title, "seconds", panels);
  await writeFile(`${path}.svg`, svg);
  await writeFile(`${path}.png`, await sharp(Buffer.from(svg)).png().toBuffer());
}
