import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { LatentloopError } from "../../core/errors.ts";
import type { Diagnosis, Logger } from "../../core/node.ts";
import {
  EmbeddedContext,
  type HostKeys,
  type PeerAddress,
  peerAddress,
  readHostKeys,
  ThreadBus,
} from "../../transport/index.ts";
import { ROLES } from "../node-kind.ts";
import { type Doors, errorOf, type Failure, failureOf, type LifecycleStep, type LogRecord } from "./host-protocol.ts";
import { type Launch, type LaunchNode, MAIN_PROCESS } from "./launch-description.ts";
import { addressOf, diagnoseLosses } from "./other-hosts.ts";
import { ProcessGroup } from "./process-group.ts";
import { RestartBudget } from "./restart-budget.ts";
import { type GroupListener, type NodeGroup, ThreadGroup } from "./thread-group.ts";

export type NodeState = "starting" | "inactive" | "active" | "stopped" | "failed";

export interface NodeHostOptions {
  readonly onLog: (record: LogRecord) => void;
  /** Stops everything in order when it is aborted, also while the start is still going on. */
  readonly stopSignal?: AbortSignal;
}

/** The name of the host itself in the graph and in the log. */
const HOST = "host";
const HALT_TIMEOUT_MS = 5000;

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
  readonly #restarts = new Map<string, { readonly budget: RestartBudget; count: number; under?: Promise<void> }>();
  #keys: HostKeys | undefined;
  #context: EmbeddedContext | undefined;
  #bus: ThreadBus | undefined;
  #folder: string | undefined;
  #opening: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #error: LatentloopError | undefined;

  private constructor(launch: Launch, options: NodeHostOptions) {
    this.#launch = launch;
    this.#onLog = options.onLog;
    this.#states = new Map(launch.nodes.map(({ name }) => [name, "starting"]));
  }

  /**
   * Starts threads and processes, configures all nodes, then activates them; less of it if it is stopped meanwhile.
   * @throws the first node's error after everything that was started has been stopped again
   */
  static async start(launch: Launch, options: NodeHostOptions): Promise<NodeHost> {
    const host = new NodeHost(launch, options);
    try {
      host.#opening = host.#open();
      if (options.stopSignal?.aborted) void host.stop();
      options.stopSignal?.addEventListener("abort", () => void host.stop(), { once: true });
      await host.#opening.catch((thrown) => {
        if (!host.#stopping || host.#error) throw thrown;
      });
      if (!host.#stopping) await host.#all("configure", "inactive", launch.nodes);
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

  get isStopping(): boolean {
    return this.#stopping !== undefined;
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

  /** Stopped meanwhile, it opens no further process; the main one has the host's context. */
  async #open(): Promise<void> {
    const { nodes, bind, peers, keys } = this.#launch;
    if (keys !== undefined) this.#keys = await readHostKeys(keys);
    const others = peers.map((peer) => addressOf(peer, this.#keys));
    const names = [...new Set([MAIN_PROCESS, ...nodes.map((node) => node.process)])];
    const joined = names.length > 1 || bind !== undefined || peers.length > 0;
    this.#folder = joined ? await mkdtemp(join(tmpdir(), "latentloop-")) : undefined;
    for (const name of names) {
      if (this.#stopping && name !== MAIN_PROCESS) return;
      this.#groups.set(name, await (name === MAIN_PROCESS ? this.#openMain(joined) : this.#openProcess(name)));
    }
    for (const [name, group] of this.#groups) {
      if (this.#stopping) return;
      await group.connect([...this.#groupsBut(name), ...others]);
    }
  }

  /** @param generation how often it was begun before: what it publishes is a new publisher's each time */
  #openProcess(name: string, generation = 0): Promise<ProcessGroup> {
    const id = `${hostname()}-${process.pid}-${name}${generation > 0 ? `-${generation}` : ""}`;
    return ProcessGroup.open(name, id, this.#doorsOf(name), this.#nodesIn(name), this.#listener());
  }

  #doorsOf(name: string): Doors {
    const { bind, plainTcp } = this.#launch;
    const local = process.platform === "win32" ? "tcp://127.0.0.1:0" : `ipc://${this.#folder}/${name}`;
    if (name !== MAIN_PROCESS) return { bind: peerAddress(local), keys: this.#keys, plainTcp };
    const isAlone = this.#launch.nodes.every((node) => node.process === MAIN_PROCESS);
    const family = isAlone ? {} : { family: `${hostname()}-${process.pid}-` };
    return { bind: peerAddress(bind || local), keys: this.#keys, plainTcp, ...family };
  }

  #nodesIn(process: string): LaunchNode[] {
    return this.#launch.nodes.filter((node) => node.process === process);
  }

  /** @param joined whether there are other processes */
  async #openMain(joined: boolean): Promise<ThreadGroup> {
    const id = `${hostname()}-${process.pid}-${MAIN_PROCESS}`;
    const doors = joined ? this.#doorsOf(MAIN_PROCESS) : undefined;
    const group = await ThreadGroup.open(id, doors, this.#nodesIn(MAIN_PROCESS), this.#listener());
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

  /** What begins again at this moment comes to its end later: the robot does not wait for it. */
  async #stop(): Promise<void> {
    await this.#opening?.catch(() => {}); // whoever started it is told
    const restarts = Array.from(this.#restarts).filter(([, { under }]) => under);
    const restarting = new Set(restarts.map(([process]) => process));
    await this.#inOrder("deactivate", "inactive", ({ process }) => !restarting.has(process));
    await Promise.all(restarts.map(([, { under }]) => under));
    await this.#inOrder("deactivate", "inactive", ({ process }) => restarting.has(process));
    await this.#inOrder("cleanup", "stopped", () => true);
    this.#context?.close();
    this.#bus?.close();
    await Promise.all(Array.from(this.#groups.values(), (group) => group.close()));
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  /** One step of the running nodes that match, one role after the other. */
  async #inOrder(step: LifecycleStep, next: NodeState, matches: (node: LaunchNode) => boolean): Promise<void> {
    const isRunning = ({ name }: LaunchNode) => !["failed", "stopped"].includes(this.#states.get(name)!);
    for (const role of ROLES) {
      const nodes = this.#ofRole(role).filter((node) => isRunning(node) && matches(node));
      await this.#all(step, next, nodes).catch((error: LatentloopError) => this.#report(error));
    }
  }

  #listener(): GroupListener {
    return {
      onLog: this.#onLog,
      onFailed: (node, failure) => this.#onFailed(node, failure),
      onSignal: () => void this.stop(),
    };
  }

  #onFailed(name: string, failure: Failure): void {
    // Ctrl-C reaches a process also before it can heed it: that is no failure of a node.
    const wasCutOff = this.#stopping !== undefined && this.#states.get(name) === "starting";
    this.#states.set(name, "failed");
    if (wasCutOff) return;
    const error = errorOf(failure);
    const node = this.#launch.nodes.find((candidate) => candidate.name === name)!;
    if (node.onFailure === "stop" || (node.onFailure === "restart" && !this.#beginAgain(node.process))) {
      this.#report(error);
      void this.stop();
    } else {
      this.#onLog({ level: "error", node: HOST, message: error.message, values: { code: error.code } });
    }
    this.#context?.reportNow();
  }

  /** Begins a process again that died; false if it died too often. */
  #beginAgain(name: string): boolean {
    if (this.#stopping) return true;
    let restart = this.#restarts.get(name);
    if (!restart) this.#restarts.set(name, (restart = { budget: new RestartBudget(), count: 0 }));
    if (restart.under) return true; // another node of it failed, or failed again while it began: that is seen there
    if (this.#nodesIn(name).some(({ role }) => role === "intake" || role === "model")) this.#haltRobot();
    const waitMs = restart.budget.spend(this.#clock.monotonicNs());
    if (waitMs === undefined) return false;
    restart.under = this.#restart(name, ++restart.count, waitMs).then((failed) => {
      delete restart.under;
      if (failed) this.#onFailed(this.#nodesIn(name)[0]!.name, failed);
    });
    return true;
  }

  /** What the robot's motion hangs on has died: whoever controls it brings it to rest, and waits for somebody to arm it. */
  #haltRobot(): void {
    for (const { namespace, name } of this.#ofRole("control")) {
      this.#context?.call(`${namespace}/${name}/halt`, HALT_TIMEOUT_MS).catch((error: LatentloopError) => {
        this.#logger().warn(error.message); // it halts by itself when the plans stop
      });
    }
  }

  /**
   * Its nodes are configured and activated anew, whatever they were: a robot stays disarmed until somebody arms it.
   * A stop ends it at the next moment that leaves nothing half-way.
   */
  async #restart(name: string, generation: number, waitMs: number): Promise<Failure | undefined> {
    const nodes = this.#nodesIn(name);
    try {
      for (const step of ["deactivate", "cleanup"] as const) {
        const alive = nodes.filter((node) => this.#states.get(node.name) !== "failed");
        const next = step === "deactivate" ? "inactive" : "stopped";
        await this.#all(step, next, alive).catch((error: LatentloopError) => this.#logger().error(error.message));
      }
      await this.#groups.get(name)?.close();
      await delay(waitMs);
      if (this.#stopping) return undefined;
      const group = await this.#openProcess(name, generation);
      const moved = group.address?.events !== this.#groups.get(name)?.address?.events;
      this.#groups.set(name, group);
      const others = this.#launch.peers.map((peer) => addressOf(peer, this.#keys));
      await group.connect([...this.#groupsBut(name), ...others]);
      // At the old address the others' sockets find it by themselves.
      for (const [other, peer] of moved ? this.#groups : []) if (other !== name) await peer.connect([group.address!]);
      if (this.#stopping) return undefined;
      await this.#all("configure", "inactive", nodes);
      for (const role of ROLES.toReversed()) {
        const ofRole = nodes.filter((node) => node.role === role);
        if (!this.#stopping) await this.#all("activate", "active", ofRole);
      }
      if (this.#stopping) return undefined;
      this.#logger().info(`The process '${name}' runs again.`);
      this.#context?.reportNow();
      return undefined;
    } catch (thrown) {
      return failureOf(thrown);
    }
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
