import { LatentloopError } from "../core/errors.ts";
import type { LifecycleNode } from "../core/node.ts";
import { findRequest, OUTCOMES, type StateName, type Transition } from "./lifecycle-graph.ts";

export interface LifecycleOptions {
  /** Makes a node to be configured. */
  readonly create: () => LifecycleNode;
  /** Runs after the node's own cleanup, also when that threw. */
  readonly release: () => void;
  readonly onTransition: (transition: Transition) => void;
  /** A hook threw; the node is on its way to `unconfigured`. */
  readonly onError: (transition: Transition, thrown: unknown) => void;
}

/**
 * Takes a node through ROS 2's managed lifecycle, one transition at a time; hooks may take as long as they need.
 *
 * A hook that throws leads through `errorprocessing` to `unconfigured`: an active node is deactivated first, so that the
 * robot is left at rest.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  #state: StateName = "unconfigured";
  #node: LifecycleNode | undefined;
  /** Whether commands may have left since the last deactivation that succeeded. */
  #live = false;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get state(): StateName {
    return this.#state;
  }

  /**
   * Runs a transition; true when its hook succeeded.
   * @throws ERR_LIFECYCLE if the state does not have this transition, or another one is running
   */
  async request(wanted: { readonly id?: number; readonly label?: string }): Promise<boolean> {
    const transition = findRequest(this.#state, wanted);
    if (transition === undefined) {
      throw new LatentloopError(
        "ERR_LIFECYCLE",
        `Expected a transition that state '${this.#state}' has but received '${wanted.label || wanted.id}'.`,
      );
    }
    const running = this.#run(transition);
    this.#busy = running;
    return await running;
  }

  /** Waits for a running transition, then brings the node to rest and to its end. Safe to call in any state. */
  async shutdown(): Promise<void> {
    await this.#busy;
    if (this.#state !== "finalized") await this.request({ label: "shutdown" });
  }

  async #run(transition: Transition): Promise<boolean> {
    this.#enter(transition);
    try {
      await this.#work(transition.to);
      this.#leave("transition_success");
      return true;
    } catch (thrown) {
      this.#options.onError(transition, thrown);
      this.#leave("transition_error");
    }
    const isEnding = transition.to === "shuttingdown";
    const isClean = await this.#giveUp(transition);
    this.#leave(isClean && !isEnding ? "transition_success" : "transition_error");
    return false;
  }

  async #work(state: StateName): Promise<void> {
    if (state === "configuring") {
      this.#node = this.#options.create(); // kept also when its configuring throws: it is to be cleaned up
      await this.#node.configure();
    } else if (state === "activating") {
      this.#live = true; // also when it throws half-way: it is to be brought to rest
      await this.#node?.activate();
    } else if (state === "deactivating") await this.#rest();
    else if (state === "cleaningup") await this.#clean();
    else if (state === "shuttingdown") {
      await this.#rest();
      await this.#clean();
    }
  }

  async #rest(): Promise<void> {
    if (!this.#live) return;
    await this.#node?.deactivate();
    this.#live = false;
  }

  async #clean(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    try {
      await node?.cleanup();
    } finally {
      this.#options.release();
    }
  }

  async #giveUp(transition: Transition): Promise<boolean> {
    let isClean = true;
    for (const step of [() => this.#rest(), () => this.#clean()]) {
      try {
        await step();
      } catch (thrown) {
        isClean = false;
        this.#options.onError(transition, thrown);
      }
    }
    this.#live = false;
    return isClean;
  }

  #leave(label: string): void {
    this.#enter(OUTCOMES.find((outcome) => outcome.from === this.#state && outcome.label === label)!);
  }

  #enter(transition: Transition): void {
    this.#state = transition.to;
    this.#options.onTransition(transition);
  }
}
