import { SingleBar } from "cli-progress";

export interface Progress {
  /** Work done so far, in the unit of `total`, with the figures worth watching. */
  update(done: number, figures?: Readonly<Record<string, string | number>>): void;
  stop(): void;
}

const PLAIN_INTERVAL_MS = 5000;

/**
 * A bar with the time left on a terminal; a line every five seconds elsewhere. Writes to stderr only.
 *
 * What the first update reports as done says nothing of the speed: a resumed run had done most of it before.
 */
export function startProgress(title: string, total: number): Progress {
  return process.stderr.isTTY ? startBar(title, total) : startLines(title, total);
}

function startBar(title: string, total: number): Progress {
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${title} {bar} {percentage} % · {eta_formatted} left · {figures}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    etaBuffer: 100,
  });
  return {
    update: (done, figures) => {
      const shown = { figures: formatFigures(figures) };
      if (bar.isActive) bar.update(Math.min(done, total), shown);
      else bar.start(total, Math.min(done, total), shown);
    },
    stop: () => bar.stop(),
  };
}

function startLines(title: string, total: number): Progress {
  let printedMs = performance.now();
  let start: { readonly done: number; readonly ms: number } | undefined;
  const print = (done: number, figures: string) => {
    const leftS = start && ((performance.now() - start.ms) * (total - done)) / (done - start.done) / 1000;
    const left = Number.isFinite(leftS) ? ` · ${leftS!.toFixed(0)} s left` : "";
    process.stderr.write(`${title} ${((100 * done) / total).toFixed(0)} %${left}${figures && ` · ${figures}`}\n`);
  };
  let last: { readonly done: number; readonly figures: string } | undefined;
  return {
    update: (done, figures) => {
      last = { done: Math.min(done, total), figures: formatFigures(figures) };
      start ??= { done: last.done, ms: performance.now() };
      if (performance.now() - printedMs < PLAIN_INTERVAL_MS) return;
      printedMs = performance.now();
      print(last.done, last.figures);
    },
    stop: () => last && print(last.done, last.figures),
  };
}

function formatFigures(figures: Readonly<Record<string, string | number>> = {}): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`)
    .join(" · ");
}
