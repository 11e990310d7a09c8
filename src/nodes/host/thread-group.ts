import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { Bridge, type BridgeLosses, Hub, type PeerAddress } from "../../transport/index.ts";
import {
  type Doors,
  errorOf,
  type Failure,
  type FromNodeThread,
  failureOf,
  type LifecycleStep,
  type LogRecord,
  type NodeThreadData,
} from "./host-protocol.ts";
import type { LaunchNode } from "./launch-description.ts";

/** How long a node may take for a step before its thread is given up. Loading a model takes longest. */
const STEP_TIMEOUT_MS: Readonly<Record<LifecycleStep, number>> = {
  configure: 120_000,
  activate: 30_000,
  deactivate: 10_000,
  cleanup: 10_000,
};

/** What a host hears from the nodes of one process. */
export interface GroupListener {
  onLog(record: LogRecord): void;
  /** A node's thread or process ended by itself. */
  onFailed(node: string, failure: Failure): void;
  /** The process was asked to end from outside. */
  onSignal(): void;
}

/** The nodes of one process, as the host steers them. */
export interface NodeGroup {
  /** Where the bridges of other processes find this one. */
  readonly address: PeerAddress | undefined;
  connect(peers: readonly PeerAddress[]): Promise<void>;
  /** @throws ERR_NODE_FAILED, or the node's own error with its code */
  step(node: string, step: LifecycleStep): Promise<void>;
  close(): Promise<void>;
}

interface NodeThread {
  readonly worker: Worker;
  readonly hubPort: MessagePort;
  /** Steps follow one another: a shutdown during the configuration waits for its end. */
  steps: Promise<void>;
  pending: { readonly step: LifecycleStep; settle(failure?: Failure): void } | undefined;
  ended: boolean;
}

/** Nodes in threads of this process, with the hub that joins them. */
export class ThreadGroup implements NodeGroup {
  readonly hub = new Hub();
  readonly #threads = new Map<string, NodeThread>();
  readonly #listener: GroupListener;
  #bridge: Bridge | undefined;

  private constructor(listener: GroupListener) {
    this.#listener = listener;
  }

  /** `doors` undefined: no other process will join. `id` is unique over all processes. */
  static async open(
    id: string,
    doors: Doors | undefined,
    nodes: readonly LaunchNode[],
    listener: GroupListener,
  ): Promise<ThreadGroup> {
    const group = new ThreadGroup(listener);
    if (doors) group.#bridge = await Bridge.open(group.hub, { id, ...doors, log: bridgeLog(id, listener) });
    for (const node of nodes) group.#start(node, `${id}.${node.name}`);
    return group;
  }

  get address(): PeerAddress | undefined {
    return this.#bridge?.address;
  }

  /** What the bridge to other processes could not let through. */
  get losses(): BridgeLosses | undefined {
    return this.#bridge?.losses;
  }

  async connect(peers: readonly PeerAddress[]): Promise<void> {
    for (const peer of peers) this.#bridge?.connect(peer);
  }

  step(name: string, step: LifecycleStep): Promise<void> {
    const thread = this.#threads.get(name);
    if (thread === undefined) {
      return Promise.reject(new LatentloopError("ERR_INTERNAL", `No node '${name}' runs in this process.`));
    }
    const taken = thread.steps.then(() => this.#take(name, thread, step));
    thread.steps = taken.catch(() => {});
    return taken;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#threads.values(), (thread) => this.#end(thread)));
    await this.#bridge?.close();
  }

  async #take(name: string, thread: NodeThread, step: LifecycleStep): Promise<void> {
    if (thread.ended) {
      throw new LatentloopError("ERR_NODE_FAILED", `Node '${name}' cannot ${step}: its thread has ended.`);
    }
    const failure = await new Promise<Failure | undefined>((resolve) => {
      const timer = setTimeout(() => {
        thread.pending?.settle({
          code: "ERR_NODE_FAILED",
          message: `Node '${name}' did not ${step} within ${STEP_TIMEOUT_MS[step] / 1000} s: its thread was ended.`,
        });
        void this.#end(thread);
      }, STEP_TIMEOUT_MS[step]);
      thread.pending = {
        step,
        settle: (result) => {
          clearTimeout(timer);
          thread.pending = undefined;
          resolve(result);
        },
      };
      thread.worker.postMessage({ op: "step", step });
    });
    if (failure) throw errorOf(failure);
  }

  #start(node: LaunchNode, busId: string): void {
    const { port1, port2 } = new MessageChannel();
    this.hub.connect(port1);
    const workerData: NodeThreadData = { node, busId, hub: port2 };
    const worker = new Worker(new URL("./node-thread.js", import.meta.url), {
      name: node.name,
      workerData,
      transferList: [port2],
    });
    const thread: NodeThread = { worker, hubPort: port1, steps: Promise.resolve(), pending: undefined, ended: false };
    this.#threads.set(node.name, thread);
    let cause: unknown;
    worker.on("message", (message: FromNodeThread) => this.#receive(thread, message));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      if (thread.ended) return;
      thread.ended = true;
      this.hub.disconnect(port1);
      const why = cause === undefined ? "it exited" : messageOf(cause);
      const failure = failureOf(
        new LatentloopError("ERR_NODE_FAILED", `The thread of node '${node.name}' ended by itself: ${why}.`),
      );
      thread.pending?.settle(failure);
      this.#listener.onFailed(node.name, failure);
    });
  }

  #receive(thread: NodeThread, message: FromNodeThread): void {
    if (message.op === "log") this.#listener.onLog(message.record);
    else if (thread.pending?.step === message.step) thread.pending.settle(message.failure);
  }

  async #end(thread: NodeThread): Promise<void> {
    if (thread.ended) return;
    thread.ended = true;
    this.hub.disconnect(thread.hubPort);
    await thread.worker.terminate();
  }
}

function bridgeLog(id: string, listener: GroupListener): Logger {
  const at = (level: LogRecord["level"]) => (message: string, values?: object) =>
    listener.onLog({ level, node: `bridge of ${id}`, message, ...(values === undefined ? {} : { values }) });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
