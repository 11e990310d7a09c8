import type { GraphSignature } from "../config/graph-contract.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { GraphReport } from "./place-graph.ts";
import type { PlacementChoice } from "./placement.ts";

/** Words of the engine's doorbell: every call and message rings it; `stop` ends the worker between two calls. */
export const BELL = { rings: 0, tickets: 1, stop: 2, stopped: 3 } as const;
export const BELL_WORDS = 4;

export interface ThreadOptions {
  readonly bell: SharedArrayBuffer;
  readonly niceness: number;
}

export interface GraphToLoad extends GraphSignature, PlacementChoice {
  readonly id: number;
  readonly name: string;
  readonly onnx: Uint8Array;
  readonly memory: SharedArrayBuffer;
}

export type ToThread =
  | { readonly kind: "load"; readonly request: number; readonly graphs: readonly GraphToLoad[] }
  | { readonly kind: "unload"; readonly request: number; readonly graphs: readonly number[] };

export type FromThread =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly request: number; readonly reports: readonly GraphReport[] }
  | {
      readonly kind: "failed";
      readonly request: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly remedy: string | undefined;
    };
