import type { Clock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { LifecycleNode, Logger } from "../../core/node.ts";
import { EmbeddedContext, type ThreadBus } from "../../transport/index.ts";
import type { LifecycleStep } from "./host-protocol.ts";
import type { LaunchNode } from "./launch-description.ts";
import { loadFactory } from "./load-factory.ts";

export interface NodeRunnerOptions {
  readonly node: LaunchNode;
  readonly bus: ThreadBus;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Takes one node through its lifecycle. A hook that throws leads to `unconfigured`: what was begun is undone as far as
 * the node can, so that a robot is left at rest.
 */
export class NodeRunner {
  readonly #options: NodeRunnerOptions;
  readonly #context: EmbeddedContext;
  #node: LifecycleNode | undefined;
  #state: "unconfigured" | "inactive" | "active" = "unconfigured";

  constructor(options: NodeRunnerOptions) {
    const { node, bus, clock, log } = options;
    this.#options = options;
    const { name, namespace, remap } = node;
    this.#context = new EmbeddedContext({ node: name, namespace, remap, bus, clock, log });
  }

  /**
   * Does nothing where the node's state does not ask for the step.
   * @throws ERR_NODE_FAILED, or the node's own error with its code
   */
  async step(step: LifecycleStep): Promise<void> {
    try {
      await this[step]();
    } catch (thrown) {
      await this.#giveUp();
      throw this.#failed(step, thrown);
    }
  }

  async configure(): Promise<void> {
    if (this.#state !== "unconfigured") return;
    const { kind, parameters } = this.#options.node;
    this.#node = (await loadFactory(kind)).create(this.#context, parameters);
    await this.#node.configure();
    await this.#options.bus.sync();
    this.#state = "inactive";
  }

  async activate(): Promise<void> {
    if (this.#state !== "inactive") return;
    this.#state = "active"; // even when it throws half-way: deactivate() is to bring it to rest
    await this.#node?.activate();
  }

  async deactivate(): Promise<void> {
    if (this.#state !== "active") return;
    this.#state = "inactive";
    await this.#node?.deactivate();
  }

  async cleanup(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    this.#state = "unconfigured";
    await node?.cleanup();
    this.#context.close();
  }

  async #giveUp(): Promise<void> {
    for (const step of ["deactivate", "cleanup"] as const) {
      try {
        await this[step]();
      } catch (thrown) {
        this.#options.log.error(this.#failed(step, thrown).message);
      }
    }
  }

  #failed(step: LifecycleStep, thrown: unknown): LatentloopError {
    const sentence = `Node '${this.#options.node.name}' failed to ${step.replace("cleanup", "clean up")}: ${messageOf(thrown)}`;
    if (!(thrown instanceof LatentloopError))
      return new LatentloopError("ERR_NODE_FAILED", sentence, { cause: thrown });
    const { code, remedy } = thrown;
    return new LatentloopError(code, sentence, { cause: thrown, ...(remedy === undefined ? {} : { remedy }) });
  }
}
