import type { MessagePort } from "node:worker_threads";
import type { ErrorCode } from "../../core/errors.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { BridgeOptions, PeerAddress } from "../../transport/index.ts";
import type { LaunchNode } from "./launch-description.ts";

/** The transitions of ROS 2's managed lifecycle. */
export type LifecycleStep = "configure" | "activate" | "deactivate" | "cleanup";

/** An error on its way between threads or processes. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}

export interface LogRecord {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly node: string;
  readonly message: string;
  readonly values?: object;
}

/** What a node's thread is started with. */
export interface NodeThreadData {
  readonly node: LaunchNode;
  /** Unique over all processes. */
  readonly busId: string;
  readonly hub: MessagePort;
}

export type ToNodeThread = { readonly op: "step"; readonly step: LifecycleStep };

export type FromNodeThread =
  | { readonly op: "done"; readonly step: LifecycleStep; readonly failure?: Failure }
  | { readonly op: "log"; readonly record: LogRecord };

/** Where a process is found by others, and whom it lets in. */
export type Doors = Pick<BridgeOptions, "bind" | "keys" | "plainTcp" | "family">;

/** What a child process is told; each `request` is answered once. */
export type ToProcess =
  | {
      readonly op: "open";
      readonly request: number;
      readonly id: string;
      readonly doors: Doors;
      readonly nodes: LaunchNode[];
    }
  | { readonly op: "connect"; readonly request: number; readonly peers: PeerAddress[] }
  | { readonly op: "step"; readonly request: number; readonly node: string; readonly step: LifecycleStep }
  | { readonly op: "close"; readonly request: number };

export type FromProcess =
  | { readonly op: "answer"; readonly request: number; readonly address?: PeerAddress; readonly failure?: Failure }
  | { readonly op: "failed"; readonly node: string; readonly failure: Failure }
  | { readonly op: "log"; readonly record: LogRecord }
  /** Somebody sent this process a signal to end. */
  | { readonly op: "signal" };

export function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof LatentloopError)) return { code: "ERR_NODE_FAILED", message: messageOf(thrown) };
  const { code, message, remedy } = thrown;
  return remedy === undefined ? { code, message } : { code, message, remedy };
}

export function errorOf({ code, message, remedy }: Failure): LatentloopError {
  return new LatentloopError(code, message, remedy === undefined ? {} : { remedy });
}
