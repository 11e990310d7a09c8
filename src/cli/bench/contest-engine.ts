import type { SessionOptions } from "../../learning/optimization/session.ts";
import type { Command } from "./contest.ts";

/** What our side says first. */
export interface Greeting {
  readonly engine: string;
  /** Building the graph with its gradients, and making the session. */
  readonly buildMs: number;
  readonly sessionMs: number;
  readonly nodes: number;
}

export interface EngineFiles {
  readonly workload: string;
  readonly weights: string;
  readonly batch: string;
  readonly session: SessionOptions;
}

export interface Engine {
  readonly greeting: Greeting;
  /** At least so many training steps or plans; returns how many it made. */
  run(count: number): Promise<number>;
  /** Whatever else the kind of engine can do. */
  answer(command: Command): Promise<object>;
}
