import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, LatentloopError } from "../core/errors.ts";
import type { NodeContext } from "../core/node.ts";
import type { RosMessages } from "../messages/index.ts";

const PATIENCE_MS = 30_000;
const RETRY_MS = 200;
const SERVICE_PATIENCE_MS = 5000;

/**
 * Arms a control loop. The gate refuses until joint states, images and plans flow: asks again until they do.
 * @param code of the error when it never does
 */
export async function armLoop(
  context: NodeContext<RosMessages>,
  service: string,
  code: ErrorCode,
  onRefusal: (message: string) => void = () => {},
): Promise<void> {
  const untilNs = context.clock.monotonicNs() + PATIENCE_MS * 1e6;
  for (;;) {
    const { success, message } = await context.call(service, SERVICE_PATIENCE_MS);
    if (success) return;
    onRefusal(message);
    if (context.clock.monotonicNs() > untilNs) {
      throw new LatentloopError(code, `The control loop refused to be armed for ${PATIENCE_MS / 1e3} s: ${message}.`);
    }
    await sleep(RETRY_MS);
  }
}
