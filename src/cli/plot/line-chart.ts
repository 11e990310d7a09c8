/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One set of axes; several are stacked. */
export interface Panel {
  readonly label: string;
  readonly series: readonly Series[];
  readonly scale: "linear" | "log";
}

const WIDTH = 760;
const PANEL_HEIGHT = 180;
const MARGIN = { left: 70, right: 130, top: 48, bottom: 34 };
const COLORS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"];
const PADDING = 0.06;
const MOST_TICKS = 8;
const TEXT = `font-family="sans-serif" font-size="11"`;

/** Line charts above one another over the same x axis, as SVG. Values that are not finite, or not positive on a log scale, are left out. */
export function renderLineCharts(title: string, xLabel: string, panels: readonly Panel[]): string {
  const drawn = panels.map(({ series, ...panel }) => ({
    ...panel,
    series: series.map(({ name, points }) => ({ name, points: points.filter(([, y]) => isDrawable(y, panel.scale)) })),
  }));
  const xs = drawn.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([x]) => x)));
  const xRange = rangeOf(xs);
  const height = MARGIN.top + panels.length * (PANEL_HEIGHT + MARGIN.bottom);
  const body = drawn.map((panel, i) => drawPanel(panel, xRange, MARGIN.top + i * (PANEL_HEIGHT + MARGIN.bottom)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${MARGIN.left}" y="18" ${TEXT} font-weight="bold">${escapeXml(title)}</text>`,
    ...body,
    `<text x="${WIDTH - MARGIN.right}" y="${height - 6}" text-anchor="end" ${TEXT}>${escapeXml(xLabel)}</text>`,
    "</svg>",
  ].join("\n");
}

function drawPanel({ label, series, scale }: Panel, xRange: readonly [number, number], top: number): string {
  const forward = scale === "log" ? Math.log10 : (y: number) => y;
  const yRange = padded(rangeOf(series.flatMap(({ points }) => points.map(([, y]) => forward(y)))));
  const right = WIDTH - MARGIN.right;
  const xOf = (x: number) => MARGIN.left + ((x - xRange[0]) / (xRange[1] - xRange[0])) * (right - MARGIN.left);
  const yOf = (y: number) => top + PANEL_HEIGHT - ((forward(y) - yRange[0]) / (yRange[1] - yRange[0])) * PANEL_HEIGHT;
  const yTicks = (scale === "log" ? logTicks(yRange) : ticks(yRange)).map((value) => {
    const y = yOf(value).toFixed(1);
    return `<line x1="${MARGIN.left}" x2="${right}" y1="${y}" y2="${y}" stroke="#ddd"/><text x="${MARGIN.left - 6}" y="${y}" dy="4" text-anchor="end" ${TEXT}>${formatTick(value)}</text>`;
  });
  const xTicks = ticks(xRange).map(
    (x) =>
      `<text x="${xOf(x).toFixed(1)}" y="${top + PANEL_HEIGHT + 14}" text-anchor="middle" ${TEXT}>${formatTick(x)}</text>`,
  );
  const lines = series.map(({ name, points }, i) => {
    const color = COLORS[i % COLORS.length]!;
    const path = points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(" ");
    const legend = `<text x="${right + 8}" y="${top + 14 + 15 * i}" fill="${color}" ${TEXT}>${escapeXml(name)}</text>`;
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>${legend}`;
  });
  return [
    `<text x="${MARGIN.left}" y="${top - 6}" ${TEXT}>${escapeXml(label)}</text>`,
    `<rect x="${MARGIN.left}" y="${top}" width="${right - MARGIN.left}" height="${PANEL_HEIGHT}" fill="none" stroke="#888"/>`,
    ...yTicks,
    ...xTicks,
    ...lines,
  ].join("\n");
}

function isDrawable(y: number, scale: Panel["scale"]): boolean {
  return Number.isFinite(y) && (scale === "linear" || y > 0);
}

/** Smallest and largest value, never equal, also for no values at all. */
function rangeOf(values: readonly number[]): [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (low < high) return [low, high];
  return Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
}

/** So that a line along an extreme is not hidden by the frame. */
function padded([low, high]: readonly [number, number]): [number, number] {
  const margin = PADDING * (high - low);
  return [low - margin, high + margin];
}

/** Round numbers between two powers of ten: 1, 2 and 5 of each, or evenly spaced ones where those are too few. */
function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  const round = decades.flatMap((decade) => [1, 2, 5].map((factor) => factor * 10 ** decade));
  const within = round.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  if (within.length > MOST_TICKS) return within.filter((value) => Number.isInteger(Math.log10(value)));
  return within.length < 2 ? ticks([10 ** low, 10 ** high]) : within;
}

/** About five round numbers within a range. */
function ticks([low, high]: readonly [number, number]): number[] {
  const rough = (high - low) / 5;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

function formatTick(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
