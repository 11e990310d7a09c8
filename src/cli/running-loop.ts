import { resolve } from "node:path";
import { Option } from "commander";
import { LatentloopError } from "../../core/errors.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";

/** How to reach a world-model node that runs elsewhere. */
export interface RunningNodeFlags {
  readonly at?: string;
  readonly bind?: string;
  readonly host?: string;
  readonly keys?: string;
  readonly plainTcp: boolean;
  readonly node: string;
}

/** A model that is not loaded yet is, first. */
const PATIENCE_MS = 60_000;

export const runningNodeOptions = (): Option[] => [
  new Option("--at <endpoint>", "ask the node that runs: where its launch file binds, e.g. tcp://10.0.0.2:7447"),
  new Option("--bind <endpoint>", "where the node finds this command: one of the peers in its launch file"),
  new Option("--host <name>", "name of the node's host in --keys"),
  new Option("--keys <file>", "this host's keys (`latentloop keys make`)"),
  new Option("--plain-tcp", "reach another host without keys").default(false),
  new Option("--node <name>", "full name of the world-model node").default("/world_model"),
];

/**
 * Asks a running world-model node for a swap, and returns what it says.
 * @throws ERR_INVALID_ARGUMENT without an endpoint of our own, ERR_SERVICE_UNAVAILABLE, ERR_MODEL_REFUSED
 */
export async function askRunningNode(what: "promote" | "rollback", flags: RunningNodeFlags): Promise<string> {
  const { at, bind, host: hostName, keys, plainTcp, node } = flags;
  if (at === undefined || bind === undefined) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected --bind <endpoint> with --at but received none.", {
      remedy: "Both ends have to know each other: the launch file names this endpoint in its peers.",
    });
  }
  const launch = {
    name: `models ${what}`,
    nodes: [],
    bind,
    peers: [hostName === undefined ? at : { host: hostName, endpoint: at }],
    plainTcp,
    ...(keys === undefined ? {} : { keys: resolve(keys) }),
  };
  const joined = await NodeHost.start(launch, { onLog: () => {} });
  try {
    const { success, message } = await joined.context.call(`${node}/${what}`, PATIENCE_MS);
    if (success) return message;
    throw new LatentloopError("ERR_MODEL_REFUSED", `${node} ${message}.`);
  } finally {
    await joined.stop();
  }
}
