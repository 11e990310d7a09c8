import { appendFile, readFile, writeFile } from "node:fs/promises";

/** One line of a run's curve: where the run stood, and what was measured there. */
export interface CurvePoint {
  readonly phase: string;
  readonly elapsedS: number;
  readonly environmentSteps: number;
  readonly updates: number;
  readonly figures: Readonly<Record<string, number>>;
}

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

  async read(): Promise<CurvePoint[]> {
    const text = await readFile(this.path, "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as CurvePoint);
  }

  /** Drops what was written after a checkpoint. */
  async rewind(updates: number, environmentSteps: number): Promise<void> {
    const kept = (await this.read()).filter(
      (point) => point.updates <= updates && point.environmentSteps <= environmentSteps,
    );
    await writeFile(this.path, kept.map((point) => `${JSON.stringify(point)}\n`).join(""));
  }
}
