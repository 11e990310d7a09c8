import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createRing, FRAME_VERSION, FramePuller, FramePusher, RingReader, RingWriter } from "../../transport/index.ts";
import type { EchoWay } from "./echo-thread.ts";
import type { BenchOptions } from "./suite.ts";

/** A small record, a compressed thumbnail, a raw 640×480 rgb8 image. */
const SIZES = [64, 12_000, 921_600] as const;
const WARM_UP_ROUNDS = 50;
const MAX_ROUNDS = 5000;

interface RoundTrip {
  readonly bytes: number;
  readonly rounds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** One way there and back. */
interface Link {
  roundTrip(message: Uint8Array): void | Promise<void>;
  close(): Promise<void>;
}

const WAYS: Readonly<Record<string, () => Promise<Link>>> = {
  "shared ring, both threads blocking": () => openRing(true),
  "shared ring, both in their event loops": () => openRing(false),
  "MessagePort, cloned (baseline)": openPort,
  "ZeroMQ ipc": async () => {
    const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
    const link = await openZeroMq(`ipc://${folder}/there`, `ipc://${folder}/back`);
    const close = async () => {
      await link.close();
      await rm(folder, { recursive: true, force: true });
    };
    return { ...link, close };
  },
  "ZeroMQ tcp": () => openZeroMq("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
};

/** Round trips to another thread or, by ZeroMQ, another process and back, at three sizes. */
export async function benchTransport({ seconds = 15, log }: BenchOptions): Promise<Record<string, RoundTrip[]>> {
  const budgetMs = (seconds * 1000) / (Object.keys(WAYS).length * SIZES.length);
  const figures: Record<string, RoundTrip[]> = {};
  for (const [name, open] of Object.entries(WAYS)) {
    const link = await open();
    const rows: RoundTrip[] = [];
    for (const bytes of SIZES) rows.push(await measure(link, bytes, budgetMs));
    figures[name] = rows;
    await link.close();
    const text = rows.map(({ bytes, p50Us, p99Us }) => `${bytes} B: p50 ${p50Us} µs, p99 ${p99Us} µs`);
    log(`${name.padEnd(40)} ${text.join(" · ")}`);
  }
  return figures;
}

async function measure(link: Link, bytes: number, budgetMs: number): Promise<RoundTrip> {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await link.roundTrip(new Uint8Array(bytes));
  const times: number[] = [];
  const endMs = performance.now() + budgetMs;
  while (times.length < MAX_ROUNDS && performance.now() < endMs) {
    const message = new Uint8Array(bytes); // a fresh one: ZeroMQ may still hold the last
    const beginMs = performance.now();
    await link.roundTrip(message);
    times.push((performance.now() - beginMs) * 1000);
  }
  times.sort((a, b) => a - b);
  const quantile = (q: number) => Number(times[Math.min(times.length - 1, Math.floor(q * times.length))]!.toFixed(1));
  return { bytes, rounds: times.length, p50Us: quantile(0.5), p99Us: quantile(0.99) };
}

async function startEcho(way: EchoWay): Promise<Worker> {
  const worker = new Worker(new URL("./echo-thread.js", import.meta.url), { workerData: way });
  await once(worker, "message");
  return worker;
}

async function openRing(blocking: boolean): Promise<Link> {
  const options = { depth: 4, maxMessageBytes: Math.max(...SIZES) };
  const [there, back] = [createRing(options), createRing(options)];
  const worker = await startEcho({ way: "ring", there, back, blocking });
  const writer = new RingWriter(there);
  const reader = new RingReader(back, { from: "newest" });
  const send = (message: Uint8Array) => writer.write(message, 0n);
  const close = async () => {
    writer.close();
    await once(worker, "exit");
  };
  if (blocking) {
    const roundTrip = (message: Uint8Array) => {
      send(message);
      while (!reader.read()) reader.wait(1000);
    };
    return { roundTrip, close };
  }
  const roundTrip = async (message: Uint8Array) => {
    send(message);
    while (!reader.read()) await reader.waitAsync(1000);
  };
  return { roundTrip, close };
}

async function openPort(): Promise<Link> {
  const worker = await startEcho({ way: "port" });
  const roundTrip = async (message: Uint8Array) => {
    worker.postMessage(message);
    await once(worker, "message");
  };
  return { roundTrip, close: async () => void (await worker.terminate()) };
}

async function openZeroMq(bind: string, answerTo: string): Promise<Link> {
  const [puller, pusher] = [new FramePuller(), new FramePusher()];
  const echo = fork(new URL("./echo-process.js", import.meta.url), [bind, await puller.bind(answerTo)]);
  const [endpoint] = await once(echo, "message");
  pusher.connect(endpoint as string);
  const frames = puller[Symbol.asyncIterator]();
  const header = {
    v: FRAME_VERSION,
    kind: "message",
    topic: "/bench",
    type: "sensor_msgs/msg/Image",
    publisher: "bench",
    sequence: 0,
    stamp: 0n,
    history: 0,
  } as const;
  const roundTrip = async (message: Uint8Array) => {
    await pusher.send(header, message);
    await frames.next();
  };
  const close = async () => {
    echo.disconnect();
    await once(echo, "exit");
    pusher.close();
    puller.close();
  };
  return { roundTrip, close };
}
