import { LatentloopError } from "../../core/errors.ts";
import { type Dataset, type DatasetEpisode, rgbOf } from "./dataset.ts";

export interface Comparison {
  readonly episodes: number;
  readonly steps: number;
  readonly frames: number;
  /** Of 255, over all pixels and colours. */
  readonly meanFrameError: number;
  /** Of the frame that differs most. */
  readonly worstFrameError: number;
}

/** A codec that is worse than this has got the wrong frames. */
const MAX_FRAME_ERROR = 12;

/**
 * Compares two data sets value by value: actions, states, rewards and stamps must be equal in float32, frames within what a
 * video codec changes.
 * @throws ERR_DATASET_MISMATCH at the first value that differs
 */
export async function compareDatasets(expected: Dataset, actual: Dataset): Promise<Comparison> {
  const refuse = (where: string, what: string): never => {
    throw new LatentloopError(
      "ERR_DATASET_MISMATCH",
      `Expected ${actual.path} to hold what ${expected.path} holds, but ${where}: ${what}.`,
    );
  };
  const same = (where: string, a: unknown, b: unknown) => {
    if (String(a) !== String(b)) refuse(where, `${b} instead of ${a}`);
  };
  same("state names", expected.stateNames, actual.stateNames);
  same("action names", expected.actionNames, actual.actionNames);
  same("cameras", expected.cameras.map(nameAndSize).sort(), actual.cameras.map(nameAndSize).sort());
  same("provenance", expected.provenanceNames, actual.provenanceNames);
  same("number of episodes", expected.episodeCount, actual.episodeCount);
  let [steps, frames, errorSum, worstFrameError] = [0, 0, 0, 0];
  for (let i = 0; i < expected.episodeCount; i++) {
    const [a, b] = [await expected.episode(i), await actual.episode(i)];
    for (const key of ["number", "task", "success", "terminal", "stampsNs", "intervention"] as const) {
      same(`episode ${i}, ${key}`, a[key], b[key]);
    }
    for (const name of expected.provenanceNames) {
      same(`episode ${i}, ${name}`, provenanceOf(a, name), provenanceOf(b, name));
    }
    for (const key of ["state", "velocity", "action", "reward"] as const) {
      const place = firstDifference(a[key], b[key]);
      if (place !== undefined)
        refuse(`episode ${i}, ${key}, value ${place}`, `${b[key][place]} instead of ${a[key][place]}`);
    }
    steps += a.stampsNs.length;
    for (const { name } of expected.cameras) {
      for (const [step, error] of (await frameErrors(name, a, b)).entries()) {
        if (!(error <= MAX_FRAME_ERROR))
          refuse(`episode ${i}, ${name}, frame ${step}`, `it differs by ${error.toFixed(1)} of 255`);
        frames++;
        errorSum += error;
        worstFrameError = Math.max(worstFrameError, error);
      }
    }
  }
  return {
    episodes: expected.episodeCount,
    steps,
    frames,
    meanFrameError: frames > 0 ? errorSum / frames : 0,
    worstFrameError,
  };
}

function provenanceOf({ provenance, stampsNs }: DatasetEpisode, name: string): readonly string[] {
  return provenance[name] ?? stampsNs.map(() => "");
}

function nameAndSize({ name, width, height }: Dataset["cameras"][number]): string {
  return `${name} ${width}×${height}`;
}

/** Index of the first value that is another in float32, or of the first one that only one side has. */
function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (!Object.is(Math.fround(a[i]!), Math.fround(b[i]!)) && a[i] !== b[i]) return i;
  }
  return undefined;
}

/** Mean difference of each pair of frames, of 255; infinite where one side has none, or where stamps differ. */
async function frameErrors(camera: string, a: DatasetEpisode, b: DatasetEpisode): Promise<number[]> {
  const errors: number[] = [];
  const others = b.frames(camera)[Symbol.asyncIterator]();
  for await (const frame of a.frames(camera)) {
    const { value, done } = await others.next();
    if (done === true || value.stampNs !== frame.stampNs) {
      errors.push(Number.POSITIVE_INFINITY);
      continue;
    }
    const [x, y] = [(await rgbOf(camera, frame)).data, (await rgbOf(camera, value)).data];
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]! - y[i]!);
    errors.push(sum / x.length);
  }
  return errors;
}
