import { join } from "node:path";
import { nearestKey } from "../../config/nearest-key.ts";
import { LatentloopError } from "../../core/errors.ts";

/** Who acts while episodes are collected. */
export type PolicyChoice =
  | { readonly kind: "random" }
  | { readonly kind: "scripted" }
  | { readonly kind: "teleop" }
  | { readonly kind: "model"; readonly folder: string };

const POLICIES = ["random", "scripted", "model:<folder>", "teleop"];
const MODEL = "model:";

/** @throws ERR_UNKNOWN_POLICY naming the known ones */
export function parsePolicy(text: string): PolicyChoice {
  if (text === "random" || text === "scripted" || text === "teleop") return { kind: text };
  if (text.startsWith(MODEL) && text.length > MODEL.length) return { kind: "model", folder: text.slice(MODEL.length) };
  const nearest = nearestKey(text, ["random", "scripted", "model", "teleop"]);
  throw new LatentloopError(
    "ERR_UNKNOWN_POLICY",
    `Expected a policy to collect with but received "${text}"${nearest === undefined ? "" : `: the nearest known one is ${nearest}`}.`,
    { remedy: `Policies: ${POLICIES.join(", ")}.` },
  );
}

/** A session's folder by default: the task's own, so that the same command goes on with it. */
export function defaultFolder(task: string): string {
  return join("runs", `collect-${task}`);
}
