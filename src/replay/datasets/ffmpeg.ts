import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { LatentloopError, messageOf } from "../../core/errors.ts";

export type VideoCodec = "av1" | "h264";

/** LeRobot's own settings: SVT-AV1, constant quality, a key frame every second frame so that single frames are found fast. */
const ENCODERS: Readonly<Record<VideoCodec, readonly string[]>> = {
  av1: ["-c:v", "libsvtav1", "-crf", "30", "-preset", "10", "-svtav1-params", "keyint=2"],
  h264: ["-c:v", "libx264", "-crf", "18", "-preset", "veryfast", "-g", "2"],
};

export interface VideoFormat {
  readonly width: number;
  readonly height: number;
  readonly rateHz: number;
}

/** Chroma at half the size needs even sides. */
export function pixelFormat({ width, height }: Pick<VideoFormat, "width" | "height">): "yuv420p" | "yuv444p" {
  return width % 2 === 0 && height % 2 === 0 ? "yuv420p" : "yuv444p";
}

/**
 * Encodes rgb8 pictures as an MP4 file.
 * @throws ERR_FFMPEG if ffmpeg is not on the PATH, or fails
 */
export async function encodeVideo(
  path: string,
  { width, height, rateHz }: VideoFormat,
  codec: VideoCodec,
  pictures: AsyncIterable<Uint8Array>,
): Promise<void> {
  const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", String(rateHz), "-i", "-"];
  const output = [...ENCODERS[codec], "-pix_fmt", pixelFormat({ width, height }), "-f", "mp4", "-y", path];
  const { child, ended } = start([...input, ...output]);
  child.stdin!.on("error", () => {}); // ffmpeg's own message, from `ended`, says why it closed its input
  try {
    for await (const picture of pictures) {
      if (child.exitCode !== null || child.stdin!.destroyed) break;
      if (!child.stdin!.write(picture)) await Promise.race([once(child.stdin!, "drain"), ended]);
    }
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    throw error;
  }
  child.stdin!.end();
  await ended;
}

/**
 * Pictures of a video as rgb8, from a time on.
 *
 * Units: seconds
 * @throws ERR_FFMPEG if ffmpeg is not on the PATH, or fails, or the video ends too early
 */
export async function* decodeVideo(
  path: string,
  { width, height, rateHz }: VideoFormat,
  fromS: number,
  count: number,
): AsyncGenerator<Uint8Array> {
  // Half a frame early, so that rounding never skips the first one.
  const seek = fromS > 0 ? ["-ss", String(fromS - 0.5 / rateHz)] : [];
  const output = ["-frames:v", String(count), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
  const { child, ended } = start([...seek, "-i", path, ...output]);
  const bytes = width * height * 3;
  let picture = Buffer.alloc(bytes);
  let [filled, given] = [0, 0];
  try {
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      for (let used = 0; used < piece.length; ) {
        const taken = piece.copy(picture, filled, used);
        used += taken;
        filled += taken;
        if (filled < bytes) continue;
        yield picture;
        picture = Buffer.alloc(bytes);
        filled = 0;
        given++;
      }
    }
    await ended;
  } finally {
    child.kill("SIGKILL"); // where its reader has seen enough
  }
  if (given < count) {
    throw new LatentloopError(
      "ERR_FFMPEG",
      `Expected ${count} pictures in ${path} from ${fromS} s on but found ${given}.`,
    );
  }
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<void> } {
  const child = spawn("ffmpeg", ["-hide_banner", "-loglevel", "error", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(
        new LatentloopError("ERR_FFMPEG", `Expected ffmpeg on the PATH: ${messageOf(cause)}.`, {
          cause,
          remedy: "Install it, e.g. apt install ffmpeg.",
        }),
      ),
    );
    child.once("close", (status) => {
      if (status === 0) resolve();
      else
        reject(
          new LatentloopError("ERR_FFMPEG", `ffmpeg ended with status ${status}: ${said.trim().split("\n").at(-1)}.`),
        );
    });
  });
  ended.catch(() => {}); // it may fail while nobody waits for it yet
  return { child, ended };
}
