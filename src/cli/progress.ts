import { SingleBar } from "cli-progress";

export interface Progress {
  /** Work done so far, in the unit of `total`, with the figures worth watching. */
  update(done: number, figures?: Readonly<Record<string, string | number>>): void;
  stop(): void;
}

const PLAIN_INTERVAL_MS = 5000;

/** A bar with the time left on a terminal; a line every five seconds elsewhere. Writes to stderr only. */
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
  bar.start(total, 0, { figures: "" });
  return {
    update: (done, figures) => bar.update(Math.min(done, total), { figures: formatFigures(figures) }),
    stop: () => bar.stop(),
  };
}

function startLines(title: string, total: number): Progress {
  const startedMs = performance.now();
  let printedMs = startedMs;
  const print = (done: number, figures: string) => {
    const elapsedMs = performance.now() - startedMs;
    const leftS = done > 0 ? ((elapsedMs / done) * (total - done)) / 1000 : Number.NaN;
    const left = Number.isNaN(leftS) ? "" : ` · ${leftS.toFixed(0)} s left`;
    process.stderr.write(`${title} ${((100 * done) / total).toFixed(0)} %${left}${figures && ` · ${figures}`}\n`);
  };
  let last = { done: 0, figures: "" };
  return {
    update: (done, figures) => {
      last = { done: Math.min(done, total), figures: formatFigures(figures) };
      if (performance.now() - printedMs < PLAIN_INTERVAL_MS) return;
      printedMs = performance.now();
      print(last.done, last.figures);
    },
    stop: () => print(last.done, last.figures),
  };
}

function formatFigures(figures: Readonly<Record<string, string | number>> = {}): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`)
    .join(" · ");
}
