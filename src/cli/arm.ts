import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, LatentloopError } from "../core/errors.ts";
import type { NodeContext } from "../core/node.ts";
import type { RosMessages } from "../messages/index.ts";

const PATIENCE_MS = 30_000;
const RETRY_MS = 200;
const SERVICE_PATIENCE_MS = 5000;

export interface ArmingOptions {
  readonly onRefusal?: (message: string) => void;
  /** Nobody wants the loop armed any more. */
  readonly signal?: AbortSignal;
}

/**
 * Arms a control loop. The gate refuses until joint states, images and plans flow: asks again until they do, or until the signal.
 * @param code of the error when it never does
 * @returns whether it armed the loop
 */
export async function armLoop(
  context: NodeContext<RosMessages>,
  service: string,
  code: ErrorCode,
  { onRefusal, signal }: ArmingOptions = {},
): Promise<boolean> {
  const untilNs = context.clock.monotonicNs() + PATIENCE_MS * 1e6;
  while (!signal?.aborted) {
    const { success, message } = await context.call(service, SERVICE_PATIENCE_MS);
    if (success) return true;
    onRefusal?.(message);
    if (context.clock.monotonicNs() > untilNs) {
      throw new LatentloopError(code, `The control loop refused to be armed for ${PATIENCE_MS / 1e3} s: ${message}.`);
    }
    await sleep(RETRY_MS);
  }
  return false;
}
