import { Option } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { callRunningLoop, type RunningLoopFlags, runningLoopOptions } from "../running-loop.ts";

/** How to reach a world-model node that runs elsewhere. */
export interface RunningNodeFlags extends RunningLoopFlags {
  readonly node: string;
}

/** A model that is not loaded yet is, first. */
const PATIENCE_MS = 60_000;

export const runningNodeOptions = (): Option[] => [
  ...runningLoopOptions(),
  new Option("--node <name>", "full name of the world-model node").default("/world_model"),
];

/**
 * Asks a running world-model node for a swap, and returns what it says.
 * @throws ERR_MODEL_REFUSED, and those of `callRunningLoop`
 */
export async function askRunningNode(
  what: "promote" | "rollback",
  { node, ...flags }: RunningNodeFlags,
): Promise<string> {
  const { success, message } = await callRunningLoop(`${node}/${what}`, flags, PATIENCE_MS);
  if (success) return message;
  throw new LatentloopError("ERR_MODEL_REFUSED", `${node} ${message}.`);
}
