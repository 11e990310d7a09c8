import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { type Clock, systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Diagnosis, Logger } from "../../core/node.ts";
import {
  type BridgeLosses,
  EmbeddedContext,
  type HostKeys,
  type PeerAddress,
  peerAddress,
  readHostKeys,
  ThreadBus,
} from "../../transport/index.ts";
import { ROLES } from "../node-kind.ts";
import { type Doors, errorOf, type Failure, type LifecycleStep, type LogRecord } from "./host-protocol.ts";
import { type Launch, type LaunchNode, MAIN_PROCESS } from "./launch-description.ts";
import { ProcessGroup } from "./process-group.ts";
import { type GroupListener, type NodeGroup, ThreadGroup } from "./thread-group.ts";

export type NodeState = "starting" | "inactive" | "active" | "stopped" | "failed";

export interface NodeHostOptions {
  readonly onLog: (record: LogRecord) => void;
  /** Stops everything in order when it is aborted, also while the start is still going on. */
  readonly stopSignal?: AbortSignal;
}

/** The name of the host itself in the graph and in the log. */
const HOST = "host";

/**
 * Runs the nodes of a launch description, each in a thread of its own, in this process and in others.
 *
 * A node that fails is reported on /diagnostics and in the log; unless its description says otherwise, all the others
 * are then stopped in order: intake, model, control (which brings the robot to rest), robot, recording, sockets.
 */
export class NodeHost {
  readonly #launch: Launch;
  readonly #onLog: (record: LogRecord) => void;
  readonly #states: Map<string, NodeState>;
  readonly #groups = new Map<string, NodeGroup>();
  readonly #clock: Clock = systemClock();
  readonly #stops = new EventEmitter();
  #context: EmbeddedContext | undefined;
  #bus: ThreadBus | undefined;
  #folder: string | undefined;
  #stopping: Promise<void> | undefined;
  #error: LatentloopError | undefined;

  private constructor(launch: Launch, options: NodeHostOptions) {
    this.#launch = launch;
    this.#onLog = options.onLog;
    this.#states = new Map(launch.nodes.map(({ name }) => [name, "starting"]));
    options.stopSignal?.addEventListener("abort", () => void this.stop(), { once: true });
  }

  /**
   * Starts threads and processes, configures all nodes, then activates them.
   * @throws the first node's error after everything that was started has been stopped again
   */
  static async start(launch: Launch, options: NodeHostOptions): Promise<NodeHost> {
    const host = new NodeHost(launch, options);
    try {
      await host.#open();
      await host.#all("configure", "inactive", launch.nodes);
      for (const role of ROLES.toReversed()) {
        if (!host.#stopping) await host.#all("activate", "active", host.#ofRole(role));
      }
    } catch (thrown) {
      host.#error ??= thrown as LatentloopError;
      await host.stop();
      throw host.#error;
    }
    return host;
  }

  /** Settles when everything has stopped: with the error of the node that failed, or with nothing. */
  async finished(): Promise<LatentloopError | undefined> {
    if (!this.#stopping) await once(this.#stops, "stop");
    await this.#stopping;
    return this.#error;
  }

  /** The host's own place in the graph, for the command that runs it: a view, a wait for a topic, a service call. */
  get context(): EmbeddedContext {
    return this.#context!;
  }

  state(node: string): NodeState | undefined {
    return this.#states.get(node);
  }

  /** The operating-system process of a child process by its name in the launch description. */
  processIdOf(name: string): number | undefined {
    const group = this.#groups.get(name);
    return group instanceof ProcessGroup ? group.processId : undefined;
  }

  /** Stops all nodes in order. Safe to call at any time, more than once. */
  stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = this.#stop();
      this.#stops.emit("stop");
    }
    return this.#stopping;
  }

  async #open(): Promise<void> {
    const { nodes, bind, peers, plainTcp } = this.#launch;
    const keys = this.#launch.keys === undefined ? undefined : await readHostKeys(this.#launch.keys);
    const others = peers.map((peer) => addressOf(peer, keys));
    const names = [...new Set([MAIN_PROCESS, ...nodes.map((node) => node.process)])];
    const joined = names.length > 1 || bind !== undefined || peers.length > 0;
    this.#folder = joined ? await mkdtemp(join(tmpdir(), "latentloop-")) : undefined;
    for (const name of names) {
      const own = nodes.filter((node) => node.process === name);
      const id = `${hostname()}-${process.pid}-${name}`;
      const socket = peerAddress(process.platform === "win32" ? "tcp://127.0.0.1:0" : `ipc://${this.#folder}/${name}`);
      this.#groups.set(
        name,
        name === MAIN_PROCESS
          ? await this.#openMain(
              id,
              joined ? { bind: bind === undefined ? socket : peerAddress(bind), keys, plainTcp } : undefined,
              own,
            )
          : await ProcessGroup.open(name, id, { bind: socket, keys, plainTcp }, own, this.#listener()),
      );
    }
    await Promise.all(
      Array.from(this.#groups, ([name, group]) => group.connect([...this.#groupsBut(name), ...others])),
    );
  }

  async #openMain(id: string, doors: Doors | undefined, nodes: readonly LaunchNode[]): Promise<ThreadGroup> {
    const group = await ThreadGroup.open(id, doors, nodes, this.#listener());
    const { port1, port2 } = new MessageChannel();
    group.hub.connect(port1);
    this.#bus = new ThreadBus(port2, `${id}.${HOST}`);
    this.#context = new EmbeddedContext({
      node: HOST,
      namespace: "",
      remap: {},
      bus: this.#bus,
      clock: this.#clock,
      log: this.#logger(),
    });
    this.#context.diagnose("nodes", () => this.#diagnosis());
    if (doors) this.#context.diagnose("transport", () => diagnoseLosses(group.losses!));
    return group;
  }

  #groupsBut(name: string): PeerAddress[] {
    const others = Array.from(this.#groups, ([other, { address }]) => (other === name ? undefined : address));
    return others.filter((address) => address !== undefined);
  }

  #ofRole(role: LaunchNode["role"]): readonly LaunchNode[] {
    return this.#launch.nodes.filter((node) => node.role === role);
  }

  /** One step of several nodes at once. @throws the first error, after all have finished */
  async #all(step: LifecycleStep, next: NodeState, nodes: readonly LaunchNode[]): Promise<void> {
    const results = await Promise.allSettled(
      nodes.map(async (node) => {
        try {
          await this.#groups.get(node.process)?.step(node.name, step);
          this.#states.set(node.name, next);
        } catch (thrown) {
          this.#states.set(node.name, "failed");
          throw thrown;
        }
      }),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #stop(): Promise<void> {
    for (const [step, next] of [
      ["deactivate", "inactive"],
      ["cleanup", "stopped"],
    ] as const) {
      for (const role of ROLES) {
        const running = this.#ofRole(role).filter(({ name }) => this.#states.get(name) !== "failed");
        await this.#all(step, next, running).catch((error: LatentloopError) => this.#report(error));
      }
    }
    this.#context?.close();
    this.#bus?.close();
    await Promise.all(Array.from(this.#groups.values(), (group) => group.close()));
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  #listener(): GroupListener {
    return {
      onLog: this.#onLog,
      onFailed: (node, failure) => this.#onFailed(node, failure),
      onSignal: () => void this.stop(),
    };
  }

  #onFailed(name: string, failure: Failure): void {
    this.#states.set(name, "failed");
    const error = errorOf(failure);
    const node = this.#launch.nodes.find((candidate) => candidate.name === name);
    if (node?.onFailure === "continue") {
      this.#onLog({ level: "error", node: HOST, message: error.message, values: { code: error.code } });
    } else {
      this.#report(error);
      void this.stop();
    }
    this.#context?.reportNow();
  }

  /** The first error is the one that the command ends with. */
  #report(error: LatentloopError): void {
    this.#error ??= error;
    this.#onLog({ level: "error", node: HOST, message: error.message, values: { code: error.code } });
  }

  #diagnosis(): Diagnosis {
    const failed = Array.from(this.#states).filter(([, state]) => state === "failed");
    const values = Object.fromEntries(this.#states);
    return failed.length === 0
      ? { level: "ok", message: "all nodes run", values }
      : { level: "error", message: `failed: ${failed.map(([name]) => name).join(", ")}`, values };
  }

  #logger(): Logger {
    const at = (level: LogRecord["level"]) => (message: string, values?: object) =>
      this.#onLog({ level, node: HOST, message, ...(values === undefined ? {} : { values }) });
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}

/** @throws ERR_KEYS if this host has keys but not the peer's */
function addressOf(peer: Launch["peers"][number], keys: HostKeys | undefined): PeerAddress {
  if (typeof peer === "string") return peerAddress(peer);
  const { host, endpoint } = peer;
  const serverKey = keys?.peers[host];
  if (serverKey !== undefined) return peerAddress(endpoint, serverKey);
  const known = keys === undefined ? "there is no file of keys" : `it knows ${Object.keys(keys.peers).join(", ")}`;
  throw new LatentloopError("ERR_KEYS", `Expected the public key of '${host}' in this host's keys but ${known}.`, {
    remedy: "Make the keys of all hosts in one go: latentloop keys make <folder> <host> <host>…",
  });
}

function diagnoseLosses({ dropped, missed, refused, strangers }: BridgeLosses): Diagnosis {
  const values = { dropped, missed, refused, strangers };
  if (strangers > 0) return { level: "warn", message: "peers without the right keys were refused", values };
  if (refused > 0) return { level: "warn", message: "frames were refused", values };
  return { level: "ok", message: "joined to other processes", values };
}
