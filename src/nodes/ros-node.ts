import { z } from "zod";
import { nearestKey } from "../config/nearest-key.ts";
import { LatentloopError } from "../core/errors.ts";
import { runRosNode } from "../ros/index.ts";
import { NODE_KINDS } from "./index.ts";

/**
 * Runs a node kind as a ROS 2 node in this process; "world_model" and "world-model" are the same kind.
 * @throws ERR_NODE_KIND for an unknown kind, and those of `runRosNode`
 */
export async function runKindOnRos(kind: string, argv: readonly string[]): Promise<void> {
  const key = kind.replaceAll("_", "-");
  const known = Object.hasOwn(NODE_KINDS, key) ? NODE_KINDS[key] : undefined;
  if (known === undefined) {
    const nearest = nearestKey(key, Object.keys(NODE_KINDS));
    throw new LatentloopError(
      "ERR_NODE_KIND",
      `Unknown node kind '${kind}'${nearest === undefined ? "" : `: the nearest known one is '${nearest}'`}.`,
      { remedy: `Known: ${Object.keys(NODE_KINDS).join(", ")}.` },
    );
  }
  const { parameters = z.strictObject({}), create } = await known.load();
  await runRosNode({ name: key.replaceAll("-", "_"), schema: parameters, create, argv });
}
