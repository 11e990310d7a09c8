import { cpus } from "node:os";
import sharp, { type Sharp } from "sharp";
import { decodeImage } from "../../cameras/decode.ts";
import { ImagePath } from "../../cameras/image-path.ts";
import { sourceFromRectified } from "../../cameras/lens.ts";
import type { CameraModel, PixelEncoding, RawImage } from "../../core/camera.ts";
import { ExactImage } from "./exact-image.ts";
import { OpenCvTwin } from "./opencv-twin.ts";
import type { BenchOptions } from "./suite.ts";
import { testPicture } from "./test-picture.ts";

const WIDTH = 640;
const HEIGHT = 480;
const OUTPUTS = [64, 224];
const ENCODINGS: readonly (PixelEncoding | "jpeg")[] = [
  "rgb8",
  "bgr8",
  "rgba8",
  "bgra8",
  "mono8",
  "yuyv",
  "uyvy",
  "bayer_rggb8",
  "bayer_bggr8",
  "bayer_gbrg8",
  "bayer_grbg8",
  "jpeg",
];
/** A webcam's lens. */
const CALIBRATION: CameraModel = {
  name: "bench",
  width: WIDTH,
  height: HEIGHT,
  K: [520, 0, 320, 0, 520, 240, 0, 0, 1],
  distortionModel: "plumb_bob",
  D: [-0.28, 0.07, 0.001, -0.0005, 0],
  R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  P: [520, 0, 320, 0, 0, 520, 240, 0, 0, 0, 1, 0],
};
/** Each competitor gets this many turns at each case, one after the other. */
const ROUNDS = 4;
const GOAL_RAW_MS = 0.5;
const GOAL_GREY_LEVELS = 1;

interface Timing {
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Mean distance from the exact reference, where that was asked for. */
  readonly mean_error_levels?: number;
}

interface CaseResult {
  readonly encoding: string;
  readonly output: number;
  readonly undistort: boolean;
  readonly latentloop: Timing;
  readonly opencv_1_thread: Timing | null;
  readonly opencv_default_threads: Timing | null;
  readonly sharp: Timing | null;
  /** How many times faster we are, by p50. */
  readonly faster_than: { readonly opencv_1_thread: number | null; readonly opencv_default_threads: number | null };
}

export interface BenchResult {
  readonly suite: "image";
  readonly source: string;
  readonly cpu: string;
  readonly opencv: { readonly version: string; readonly default_threads: number } | null;
  readonly sharp_version: string;
  readonly cases: readonly CaseResult[];
  readonly goals: {
    readonly raw_to_224_p50_ms_worst: number;
    readonly raw_to_224_within_0_5_ms: boolean;
    /** The least of all raw undistorting cases against OpenCV's remap and resize, at whichever thread count is faster; null without OpenCV. */
    readonly least_speedup_over_opencv_remap_and_resize: number | null;
    readonly mean_error_levels_worst: number;
    readonly within_1_grey_level: boolean;
  };
}

/**
 * Camera frames of 640×480 to model images: this project's path beside OpenCV's calls and sharp alone, in turns.
 */
export async function benchImage({ seconds = 30, log }: BenchOptions): Promise<BenchResult> {
  const twin = await OpenCvTwin.start();
  log(
    twin
      ? `OpenCV ${twin.version}: 1 thread and its default of ${twin.defaultThreads}`
      : "OpenCV is missing (Debian: python3-opencv): its columns stay empty",
  );
  const budgetMs = (1000 * seconds) / (ENCODINGS.length * OUTPUTS.length * 2 * ROUNDS * 3);
  const cases: CaseResult[] = [];
  log("p50 / p99 ms                       latentloop     OpenCV 1 thr.  OpenCV default   sharp          error, levels");
  try {
    for (const encoding of ENCODINGS) {
      for (const output of OUTPUTS) {
        for (const undistort of [false, true]) {
          const result = await measureCase(encoding, output, undistort, budgetMs, twin);
          cases.push(result);
          log(formatCase(result));
        }
      }
    }
  } finally {
    await twin?.close();
  }
  const goals = judge(cases);
  log(
    `worst raw frame to 224: ${goals.raw_to_224_p50_ms_worst} ms (goal ${GOAL_RAW_MS}); ` +
      `least speed-up over remap + resize: ${goals.least_speedup_over_opencv_remap_and_resize ?? "unknown"} (goal above 1); ` +
      `worst mean error: ${goals.mean_error_levels_worst} levels (goal ${GOAL_GREY_LEVELS})`,
  );
  return {
    suite: "image",
    source: `${WIDTH}x${HEIGHT}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    opencv: twin ? { version: twin.version, default_threads: twin.defaultThreads } : null,
    sharp_version: sharp.versions.sharp ?? "unknown",
    cases,
    goals,
  };
}

/** One competitor at one case: runs for the given time and returns what each turn took. */
type Competitor = (budgetMs: number) => Promise<number[]>;

async function measureCase(
  encoding: PixelEncoding | "jpeg",
  output: number,
  undistort: boolean,
  budgetMs: number,
  twin: OpenCvTwin | undefined,
): Promise<CaseResult> {
  const calibration = undistort ? CALIBRATION : undefined;
  const raw = testPicture(encoding === "jpeg" ? "rgb8" : encoding, WIDTH, HEIGHT);
  const jpeg = encoding === "jpeg" ? await encodeJpeg(raw) : undefined;
  const frame = jpeg ? await decodeImage("bench", { format: "jpeg", data: jpeg, stampNs: 0n }) : raw;
  const path = new ImagePath({
    camera: "bench",
    source: frame,
    output: { width: output, height: output },
    ...(calibration && { calibration }),
  });
  const image = new Uint8Array(path.outputBytes);
  path.convertInto(frame, image);
  const exact = new ExactImage(frame, sourceFromOutput(output, calibration), 24);
  const errorOf = (pixels: Uint8Array) => round(exact.meanError(pixels, path, output === 64 ? 7 : 83), 3);

  const task = { encoding, width: WIDTH, height: HEIGHT, output, calibration: calibration ?? null };
  const theirs = await twin?.prepare(task, jpeg ?? raw.data);
  const sharpTask = undistort ? undefined : sharpAlone(jpeg ?? raw, output);
  const competitors: Record<"ours" | "one" | "all" | "sharp", Competitor | undefined> = {
    ours: (ms) =>
      jpeg
        ? repeat(ms, async () =>
            path.convertInto(await decodeImage("bench", { format: "jpeg", data: jpeg, stampNs: 0n }), image),
          )
        : Promise.resolve(repeatSync(ms, () => path.convertInto(frame, image))),
    one: twin && ((ms) => twin.time(ms, 1)),
    all: twin && ((ms) => twin.time(ms, twin.defaultThreads)),
    sharp: sharpTask && ((ms) => repeat(ms, sharpTask)),
  };
  await competitors.ours?.(budgetMs);
  const times: Record<keyof typeof competitors, number[]> = { ours: [], one: [], all: [], sharp: [] };
  for (let turn = 0; turn < ROUNDS; turn++) {
    for (const [name, compete] of Object.entries(competitors)) {
      if (compete) times[name as keyof typeof times].push(...(await compete(budgetMs)));
    }
  }
  const ours = summarise(times.ours, errorOf(image));
  const one = theirs ? summarise(times.one, errorOf(theirs)) : null;
  const all = theirs ? summarise(times.all) : null;
  return {
    encoding,
    output,
    undistort,
    latentloop: ours,
    opencv_1_thread: one,
    opencv_default_threads: all,
    sharp: sharpTask ? summarise(times.sharp) : null,
    faster_than: {
      opencv_1_thread: one && round(one.p50_ms / ours.p50_ms, 2),
      opencv_default_threads: all && round(all.p50_ms / ours.p50_ms, 2),
    },
  };
}

async function encodeJpeg({ data, width, height }: RawImage): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** What sharp does without us: its own decoder with shrink-on-load, its own resize. It cannot undistort, nor read every encoding. */
function sharpAlone(frame: Buffer | RawImage, size: number): (() => Promise<unknown>) | undefined {
  const resized = (input: Sharp) => input.resize(size, size, { fit: "fill" }).removeAlpha().raw().toBuffer();
  if (Buffer.isBuffer(frame)) return () => resized(sharp(frame));
  const channels = { rgb8: 3, rgba8: 4 }[frame.encoding as string] as 3 | 4 | undefined;
  if (channels === undefined) return undefined;
  return () => resized(sharp(frame.data, { raw: { width: frame.width, height: frame.height, channels } }));
}

function sourceFromOutput(output: number, calibration: CameraModel | undefined) {
  const rectify = calibration && sourceFromRectified(calibration);
  return (x: number, y: number, point: Float64Array) => {
    point[0] = (x * WIDTH) / output;
    point[1] = (y * HEIGHT) / output;
    if (rectify === undefined) return;
    rectify(point[0]! - 0.5, point[1]! - 0.5, point);
    point[0]! += 0.5;
    point[1]! += 0.5;
  };
}

async function repeat(budgetMs: number, task: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  do {
    const start = performance.now();
    await task();
    times.push(performance.now() - start);
  } while (performance.now() < end);
  return times;
}

function repeatSync(budgetMs: number, task: () => void): number[] {
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  do {
    const start = performance.now();
    task();
    times.push(performance.now() - start);
  } while (performance.now() < end);
  return times;
}

function summarise(times: number[], error?: number): Timing {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0, 3);
  return {
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    ...(error === undefined ? {} : { mean_error_levels: error }),
  };
}

function judge(cases: readonly CaseResult[]): BenchResult["goals"] {
  const raw = cases.filter(({ encoding }) => encoding !== "jpeg");
  const slowest = Math.max(...raw.filter(({ output }) => output === 224).map(({ latentloop }) => latentloop.p50_ms));
  const speedups = raw
    .filter(({ undistort }) => undistort)
    .flatMap(({ faster_than }) => [faster_than.opencv_1_thread, faster_than.opencv_default_threads])
    .filter((ratio) => ratio !== null);
  const worstError = Math.max(...cases.map(({ latentloop }) => latentloop.mean_error_levels ?? 0));
  return {
    raw_to_224_p50_ms_worst: slowest,
    raw_to_224_within_0_5_ms: slowest <= GOAL_RAW_MS,
    least_speedup_over_opencv_remap_and_resize: speedups.length > 0 ? Math.min(...speedups) : null,
    mean_error_levels_worst: worstError,
    within_1_grey_level: worstError <= GOAL_GREY_LEVELS,
  };
}

function formatCase({ encoding, output, undistort, latentloop, sharp: plain, ...rest }: CaseResult): string {
  const cell = (timing: Timing | null) => (timing ? `${timing.p50_ms} / ${timing.p99_ms}` : "-").padEnd(15);
  const name = `${encoding} → ${output}${undistort ? ", undistorted" : ""}`.padEnd(35);
  const { opencv_1_thread: one, opencv_default_threads: all } = rest;
  const errors = `${latentloop.mean_error_levels}${one ? ` (OpenCV ${one.mean_error_levels})` : ""}`;
  return `${name}${cell(latentloop)}${cell(one)}${cell(all)}  ${cell(plain)}${errors}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
