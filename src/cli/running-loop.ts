import { resolve } from "node:path";
import { Option } from "commander";
import { LatentloopError } from "../core/errors.ts";
import type { TriggerResponse } from "../core/node.ts";
import { NodeHost } from "../nodes/host/node-host.ts";

/** How to reach the nodes of a launch file that run elsewhere. */
export interface RunningLoopFlags {
  readonly at?: string;
  readonly bind?: string;
  readonly host?: string;
  readonly keys?: string;
  readonly plainTcp: boolean;
}

export const runningLoopOptions = (): Option[] => [
  new Option("--at <endpoint>", "ask the nodes that run: where their launch file binds, e.g. tcp://10.0.0.2:7447"),
  new Option("--bind <endpoint>", "where they find this command: one of the peers in their launch file"),
  new Option("--host <name>", "name of their host in --keys"),
  new Option("--keys <file>", "this host's keys (`latentloop keys make`)"),
  new Option("--plain-tcp", "reach another host without keys").default(false),
];

/**
 * Calls a service of nodes that run elsewhere, and returns what its node says.
 * @throws ERR_INVALID_ARGUMENT without both endpoints, ERR_SERVICE_UNAVAILABLE, and those of `NodeHost.start`
 */
export async function callRunningLoop(
  service: string,
  { at, bind, host: hostName, keys, plainTcp }: RunningLoopFlags,
  timeoutMs: number,
): Promise<TriggerResponse> {
  if (at === undefined || bind === undefined) {
    const missing = at === undefined ? "--at" : "--bind";
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${missing} <endpoint> but received none.`, {
      remedy: "Both ends have to know each other: --at is where the launch file binds, --bind one of its peers.",
    });
  }
  const launch = {
    name: `call ${service}`,
    nodes: [],
    bind,
    peers: [hostName === undefined ? at : { host: hostName, endpoint: at }],
    plainTcp,
    ...(keys === undefined ? {} : { keys: resolve(keys) }),
  };
  const joined = await NodeHost.start(launch, { onLog: () => {} });
  try {
    return await joined.context.call(service, timeoutMs);
  } catch (thrown) {
    if (!(thrown instanceof LatentloopError) || thrown.code !== "ERR_SERVICE_UNAVAILABLE") throw thrown;
    throw new LatentloopError(
      "ERR_SERVICE_UNAVAILABLE",
      `Expected an answer from service '${service}' at ${at} within ${timeoutMs / 1e3} s but there was none.`,
      {
        remedy: `Look whether the loop runs there, whether one of its nodes serves ${service}, and whether ${bind} is one of its peers.`,
        cause: thrown,
      },
    );
  } finally {
    await joined.stop();
  }
}
