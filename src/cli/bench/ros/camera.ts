import { fileURLToPath } from "node:url";
import { lastLine, PATIENCE_MS, PEERS, run } from "./programs.ts";

const RATE_HZ = 30;
const WORKER = fileURLToPath(new URL("./image-worker.js", import.meta.url));

export interface CameraFigures {
  readonly received: number;
  readonly sent: number;
  readonly rate_hz: number;
  readonly dropped: number;
  /** From the stamp before publishing to the reduced image. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Of one core, from the first image on. */
  readonly cpu_percent: number;
  /** The first image, for which tables are made. */
  readonly first_ms?: number;
  /** After the first quarter of the images. */
  readonly rss_growth_mb?: number;
}

/** A program that subscribes to images and reduces them. */
export interface Subscriber {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Ours, and its twins that do the same reduction. */
export const SUBSCRIBERS = {
  latentloop: { name: "latentloop", program: process.execPath, args: [WORKER] },
  rclpy: { name: "rclpy", program: "ros2", args: ["run", PEERS, "image_reducer.py"] },
  rclcpp: { name: "rclcpp", program: "ros2", args: ["run", PEERS, "image_reducer"] },
} as const satisfies Record<string, Subscriber>;

export const VGA = { width: 640, height: 480 };
export const HD = { width: 1280, height: 720 };

/** One run of a C++ publisher and a subscriber of its images. */
export async function measureCamera(
  { name, program, args }: Subscriber,
  { width, height }: { readonly width: number; readonly height: number },
  seconds: number,
  log: (line: string) => void,
  namespace = "bench",
): Promise<CameraFigures> {
  const sent = RATE_HZ * seconds;
  const ns = ["-r", `__ns:=/${namespace}`];
  const expected = args.includes(WORKER) ? [String(sent)] : [];
  const reducer = run(program, [...args, ...expected, "--ros-args", ...ns, "-p", `expected:=${sent}`]);
  const size = ["-p", `width:=${width}`, "-p", `height:=${height}`, "-p", `seconds:=${seconds.toFixed(1)}`];
  const publisher = run("ros2", ["run", PEERS, "image_publisher", "--ros-args", ...ns, ...size]);
  const limitMs = seconds * 1000 + PATIENCE_MS;
  const [result] = await Promise.all([lastLine(reducer, limitMs), lastLine(publisher, limitMs)]);
  const { received, p50_ms, p99_ms, cpu_s, first_ms, rss_growth_mb } = result as Record<string, number>;
  const figures: CameraFigures = {
    received: received!,
    sent,
    rate_hz: received! / seconds,
    dropped: sent - received!,
    p50_ms: p50_ms!,
    p99_ms: p99_ms!,
    cpu_percent: (100 * cpu_s!) / seconds,
    ...(first_ms === undefined ? {} : { first_ms }),
    ...(rss_growth_mb === undefined ? {} : { rss_growth_mb }),
  };
  log(
    `${name} ${width}×${height}: ${figures.rate_hz.toFixed(1)} Hz, p50 ${p50_ms!.toFixed(2)} ms, p99 ${p99_ms!.toFixed(2)} ms`,
  );
  return figures;
}
