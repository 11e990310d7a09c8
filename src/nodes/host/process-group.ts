import { type ChildProcess, fork } from "node:child_process";
import { LatentloopError } from "../../core/errors.ts";
import type { PeerAddress } from "../../transport/index.ts";
import { NODE_KINDS } from "../index.ts";
import {
  type Doors,
  errorOf,
  type Failure,
  type FromProcess,
  failureOf,
  type LifecycleStep,
  type ToProcess,
} from "./host-protocol.ts";
import type { LaunchNode } from "./launch-description.ts";
import type { GroupListener, NodeGroup } from "./thread-group.ts";

/** A child that was told to close and has not ended after this long is killed. */
const EXIT_TIMEOUT_MS = 5000;

type Answer = Extract<FromProcess, { op: "answer" }>;
type Request = ToProcess extends infer Message ? (Message extends ToProcess ? Omit<Message, "request"> : never) : never;

/** Nodes in a process of their own, steered over its IPC channel. */
export class ProcessGroup implements NodeGroup {
  readonly #name: string;
  readonly #nodes: readonly LaunchNode[];
  readonly #child: ChildProcess;
  readonly #listener: GroupListener;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #begun: Promise<void>;
  readonly #ended: Promise<void>;
  #requests = 0;
  #closing = false;
  /** Why it has ended. */
  #end: Failure | undefined;
  address: PeerAddress | undefined;

  private constructor(name: string, nodes: readonly LaunchNode[], listener: GroupListener) {
    this.#name = name;
    this.#nodes = nodes;
    this.#listener = listener;
    this.#child = fork(new URL("./process-entry.js", import.meta.url), [], {
      serialization: "advanced",
      execArgv: nodeOptionsOf(nodes),
    });
    this.#child.on("message", (message: FromProcess) => this.#receive(message));
    this.#begun = new Promise((resolve) => this.#child.once("spawn", resolve));
    this.#ended = new Promise((resolve) => {
      const onEnd = (why: string): void => {
        this.#onEnd(why);
        resolve();
      };
      this.#child.on("exit", (code, signal) => onEnd(`it ended with ${signal ?? `status ${code}`}`));
      this.#child.on("error", ({ message }) => {
        if (this.#child.pid === undefined) onEnd(message); // one that runs tells its end by its exit
      });
    });
  }

  /** @throws ERR_NODE_FAILED if it does not begin, and those of `ThreadGroup.open`; then no process is left */
  static async open(
    name: string,
    id: string,
    doors: Doors,
    nodes: readonly LaunchNode[],
    listener: GroupListener,
  ): Promise<ProcessGroup> {
    const group = new ProcessGroup(name, nodes, listener);
    try {
      await Promise.race([group.#begun, group.#ended]); // one that never began has no channel
      group.address = (await group.#request({ op: "open", id, doors, nodes: [...nodes] })).address;
    } catch (thrown) {
      await group.close();
      throw thrown;
    }
    return group;
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  async connect(peers: readonly PeerAddress[]): Promise<void> {
    await this.#request({ op: "connect", peers: [...peers] });
  }

  async step(node: string, step: LifecycleStep): Promise<void> {
    await this.#request({ op: "step", node, step });
  }

  async close(): Promise<void> {
    if (!this.#end) {
      this.#closing = true;
      const killer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
      await Promise.race([this.#request({ op: "close" }).catch(() => {}), this.#ended]);
      if (this.#child.connected) this.#child.disconnect();
      await this.#ended;
      clearTimeout(killer);
    }
  }

  async #request(request: Request): Promise<Answer> {
    const number = this.#requests++;
    const answer = await new Promise<Answer>((resolve) => {
      if (this.#end) return resolve({ op: "answer", request: number, failure: this.#end });
      this.#waiting.set(number, resolve);
      this.#child.send({ ...request, request: number }, (error) => {
        if (error) this.#settle({ op: "answer", request: number, failure: this.#failure(error.message) });
      });
    });
    if (answer.failure) throw errorOf(answer.failure);
    return answer;
  }

  #receive(message: FromProcess): void {
    switch (message.op) {
      case "answer":
        this.#settle(message);
        break;
      case "failed":
        this.#listener.onFailed(message.node, message.failure);
        break;
      case "log":
        this.#listener.onLog(message.record);
        break;
      case "signal":
        this.#listener.onSignal();
        break;
    }
  }

  #settle(answer: Answer): void {
    const resolve = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    resolve?.(answer);
  }

  #onEnd(why: string): void {
    const failure = this.#failure(why);
    this.#end = failure;
    for (const request of [...this.#waiting.keys()]) this.#settle({ op: "answer", request, failure });
    if (!this.#closing) for (const { name } of this.#nodes) this.#listener.onFailed(name, failure);
  }

  #failure(why: string): Failure {
    const nodes = this.#nodes.map(({ name }) => `'${name}'`).join(", ");
    return failureOf(new LatentloopError("ERR_NODE_FAILED", `The process '${this.#name}' of ${nodes} failed: ${why}.`));
  }
}

/** With which options of Node a process of these nodes runs: those of this one, and what its nodes need. */
export function nodeOptionsOf(nodes: readonly Pick<LaunchNode, "kind">[]): string[] {
  return [...new Set([...process.execArgv, ...nodes.flatMap(({ kind }) => NODE_KINDS[kind]?.nodeOptions ?? [])])];
}
