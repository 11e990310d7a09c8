import { appendFile, readFile, writeFile } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { processorSeconds } from "../../core/processor-time.ts";

/** One line of a run's curve: where the run stood, and what was measured there. */
export interface CurvePoint extends TimeSpent {
  readonly phase: string;
  readonly environmentSteps: number;
  readonly updates: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** What a run has cost so far, also in the processes that it was resumed from. */
export interface TimeSpent {
  readonly elapsedS: number;
  /** Of all threads of the process. */
  readonly processorS: number;
}

/** What a run has cost by now, if it had cost so much before. */
export function stopwatch(clock: Clock, before: TimeSpent = { elapsedS: 0, processorS: 0 }): () => TimeSpent {
  const beganNs = clock.monotonicNs();
  const beganS = processorSeconds();
  return () => ({
    elapsedS: before.elapsedS + (clock.monotonicNs() - beganNs) / 1e9,
    processorS: before.processorS + processorSeconds() - beganS,
  });
}

/** Characters of a damaged line that an error shows. */
const LONGEST_QUOTE = 60;

/** Writes a curve as JSON lines; a resumed run goes on below what is there. */
export class CurveFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async clear(): Promise<void> {
    await writeFile(this.path, "");
  }

  async append(point: CurvePoint): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(point)}\n`);
  }

  /**
   * Every whole line: a crash, or a run that goes on, may leave half of the last one.
   * @throws ERR_CURVE_UNREADABLE if a line before it is no JSON
   */
  async read(): Promise<CurvePoint[]> {
    const lines = (await readFile(this.path, "utf8")).split("\n");
    return lines.slice(0, -1).map((line, i) => {
      try {
        return JSON.parse(line) as CurvePoint;
      } catch (cause) {
        const found = JSON.stringify(line.slice(0, LONGEST_QUOTE));
        throw new LatentloopError(
          "ERR_CURVE_UNREADABLE",
          `Expected JSON in line ${i + 1} of ${this.path} but found ${found}.`,
          {
            remedy: "Remove the line: its figures are drawn and counted, and nothing is learned from them.",
            cause,
          },
        );
      }
    });
  }

  /** Drops what was written after a checkpoint; returns what the run had cost by then. */
  async rewind(updates: number, environmentSteps: number): Promise<TimeSpent> {
    const kept = (await this.read()).filter(
      (point) => point.updates <= updates && point.environmentSteps <= environmentSteps,
    );
    await writeFile(this.path, kept.map((point) => `${JSON.stringify(point)}\n`).join(""));
    const { elapsedS = 0, processorS = 0 } = kept.at(-1) ?? {};
    return { elapsedS, processorS };
  }
}
