import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { systemClock } from "../core/clock.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { OnnxSession } from "./onnx-session.ts";
import { placeGraph } from "./place-graph.ts";
import { type SharedGraph, STATE, TIME, viewSharedGraph, WORD, writeError } from "./shared-graph.ts";
import { BELL, type FromThread, type GraphToLoad, type ThreadOptions, type ToThread } from "./thread-messages.ts";
import { lowerPriority } from "./thread-priority.ts";

/*
 * The thread that owns the sessions. It sleeps on the bell, never on the event loop: a call starts a few microseconds after
 * the ring. Ended from outside during a native call, onnxruntime aborts the whole process; so it ends only by `BELL.stop`.
 */

interface Slot {
  readonly session: OnnxSession;
  readonly shared: SharedGraph;
}

const { bell: bellMemory, niceness } = workerData as ThreadOptions;
const port = parentPort!;
const bell = new Int32Array(bellMemory);
const clock = systemClock();
const slots = new Map<number, Slot>();

const send = (message: FromThread): void => port.postMessage(message);
const stopAsked = (): boolean => Atomics.load(bell, BELL.stop) === 1;

/** The queued graph that was called first. */
function nextQueued(): Slot | undefined {
  let first: Slot | undefined;
  for (const slot of slots.values()) {
    const { control } = slot.shared;
    if (Atomics.load(control, WORD.state) !== STATE.queued) continue;
    const ticket = Atomics.load(control, WORD.ticket);
    if (!first || ((ticket - Atomics.load(first.shared.control, WORD.ticket)) | 0) < 0) first = slot; // tickets wrap around
  }
  return first;
}

async function runQueued(): Promise<void> {
  for (let slot = nextQueued(); slot && !stopAsked(); slot = nextQueued()) await runSlot(slot);
}

async function runSlot({ session, shared }: Slot): Promise<void> {
  const { control, times } = shared;
  if (Atomics.compareExchange(control, WORD.state, STATE.queued, STATE.running) !== STATE.queued) return;
  const beganNs = clock.monotonicNs();
  for (const name in session.inputs) session.inputs[name]!.set(shared.inputs[name] as never);
  let failure: string | undefined;
  try {
    await session.run();
  } catch (thrown) {
    failure = messageOf(thrown);
  }
  if (Atomics.compareExchange(control, WORD.state, STATE.running, STATE.writing) === STATE.running) {
    if (failure === undefined)
      for (const name in session.outputs) shared.outputs[name]!.set(session.outputs[name] as never);
    else writeError(shared, failure);
    times[TIME.began] = beganNs;
    times[TIME.ended] = clock.monotonicNs();
  }
  Atomics.store(control, WORD.state, STATE.idle);
  Atomics.add(control, WORD.completed, 1);
  Atomics.notify(control, WORD.completed);
}

/** Between two runs of a graph that is being loaded: others go first, and a stop ends it. */
async function pause(): Promise<void> {
  await runQueued();
  if (stopAsked()) throw new LatentloopError("ERR_INFERENCE_CLOSED", "The engine was closed while it loaded a bundle.");
}

async function load(graphs: readonly GraphToLoad[]) {
  const loaded: [number, Slot][] = [];
  const reports = [];
  try {
    for (const { id, name, onnx, memory, placements, insist, ...signature } of graphs) {
      const options = { name, onnx, signature, placements, insist, clock, pause };
      const { session, report } = await placeGraph(options);
      loaded.push([id, { session, shared: viewSharedGraph(memory, signature) }]);
      reports.push(report);
    }
  } catch (thrown) {
    for (const [, { session }] of loaded) await session.close();
    throw thrown;
  }
  for (const [id, slot] of loaded) slots.set(id, slot);
  return reports;
}

async function unload(graphs: readonly number[]) {
  for (const id of graphs) {
    await slots.get(id)?.session.close();
    slots.delete(id);
  }
  return [];
}

async function answer(message: ToThread): Promise<void> {
  const { request } = message;
  try {
    send({
      kind: "done",
      request,
      reports: await (message.kind === "load" ? load(message.graphs) : unload(message.graphs)),
    });
  } catch (thrown) {
    const known = thrown instanceof LatentloopError;
    const code = known ? thrown.code : "ERR_INTERNAL";
    send({ kind: "failed", request, code, message: messageOf(thrown), remedy: known ? thrown.remedy : undefined });
  }
}

async function main(): Promise<void> {
  lowerPriority(niceness);
  send({ kind: "ready" });
  while (!stopAsked()) {
    const heard = Atomics.load(bell, BELL.rings);
    await runQueued();
    const received = receiveMessageOnPort(port);
    if (received) await answer(received.message as ToThread);
    else Atomics.wait(bell, BELL.rings, heard);
  }
  for (const { session } of slots.values()) await session.close();
  Atomics.store(bell, BELL.stopped, 1);
  Atomics.notify(bell, BELL.stopped);
  port.close();
}

await main();
