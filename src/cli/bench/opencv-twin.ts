import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { CameraModel } from "../../core/camera.ts";
import { pythonPeer } from "../python-peer.ts";

/** Beside this file's source: compiled code lies in dist/src/cli/bench. */
const SCRIPT = fileURLToPath(new URL("../../../../src/cli/bench/opencv_twin.py", import.meta.url));

export interface TwinTask {
  readonly encoding: string;
  readonly width: number;
  readonly height: number;
  readonly output: number;
  readonly calibration: CameraModel | null;
}

/** A Python process that does the same task with OpenCV. */
export class OpenCvTwin {
  readonly version: string;
  /** What OpenCV uses unless told otherwise. */
  readonly defaultThreads: number;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #replies: AsyncIterator<string>;

  private constructor(
    process: ChildProcessByStdio<Writable, Readable, null>,
    replies: AsyncIterator<string>,
    hello: Hello,
  ) {
    this.#process = process;
    this.#replies = replies;
    this.version = hello.version;
    this.defaultThreads = hello.threads;
  }

  /** Undefined where Python has no cv2. */
  static async start(): Promise<OpenCvTwin | undefined> {
    const python = spawn(pythonPeer(), [SCRIPT], { stdio: ["pipe", "pipe", "ignore"] });
    const lines = createInterface({ input: python.stdout });
    const replies = lines[Symbol.asyncIterator]();
    python.on("error", () => lines.close());
    python.stdin.on("error", () => lines.close());
    python.stdin.write('{"do":"hello"}\n');
    const { value, done } = await replies.next();
    return done ? undefined : new OpenCvTwin(python, replies, JSON.parse(value));
  }

  /** Hands over a frame; the answer is the image that OpenCV makes of it. */
  async prepare(task: TwinTask, data: Uint8Array): Promise<Uint8Array> {
    const { image } = await this.#ask<{ image: string }>({ do: "prepare", bytes: data.length, ...task }, data);
    return Buffer.from(image, "base64");
  }

  /** Repeats the prepared task for so long. Units: milliseconds each */
  async time(budgetMs: number, threads: number): Promise<number[]> {
    return (await this.#ask<{ ms: number[] }>({ do: "time", budget_ms: budgetMs, threads })).ms;
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, "exit");
  }

  async #ask<Reply>(request: object, data?: Uint8Array): Promise<Reply> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    if (data) this.#process.stdin.write(data);
    const { value, done } = await this.#replies.next();
    if (done) throw new Error("OpenCV's process ended");
    return JSON.parse(value) as Reply;
  }
}

interface Hello {
  readonly version: string;
  readonly threads: number;
}
