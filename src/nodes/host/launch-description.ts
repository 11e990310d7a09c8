import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { nearestKey } from "../../config/nearest-key.ts";
import { readConfig } from "../../config/read-config.ts";
import { LatentloopError } from "../../core/errors.ts";
import { NODE_KINDS } from "../index.ts";
import type { Role } from "../node-kind.ts";
import { loadNodeModule } from "./load-factory.ts";

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "Expected letters, digits and '_', no digit first,");
/** The process that reads the launch file. */
export const MAIN_PROCESS = "main";

const nodeSchema = z.strictObject({
  name: identifier.describe("Name of the node in the graph."),
  kind: z.string().min(1).describe("Kind of the node, or the path of a module of your own, relative to this file."),
  process: identifier
    .default(MAIN_PROCESS)
    .describe("Nodes of one name share a process, each in a thread of its own; 'main' is the command's own process."),
  parameters: z.record(z.string(), z.unknown()).default({}).describe("Parameters of this kind of node."),
  remap: z.record(z.string(), z.string()).default({}).describe("Topic and service names of the node → other ones."),
  onFailure: z
    .enum(["stop", "continue", "restart"])
    .default("stop")
    .describe(
      "What happens if this node fails: all stop in order; or the others go on; or its process begins again while they do, at most five times a minute.",
    ),
});

export const launchSchema = z.strictObject({
  name: z.string().min(1).describe("What this launch description is for."),
  namespace: z
    .string()
    .regex(/^(\/[A-Za-z_][A-Za-z0-9_]*)*$/, "Expected '' or names with a '/' before each")
    .default("")
    .describe("Put before every relative topic and service name."),
  nodes: z
    .array(nodeSchema)
    .min(1)
    .refine(
      (nodes) => new Set(nodes.map(({ name }) => name)).size === nodes.length,
      "Expected every node name only once",
    ),
  peers: z
    .array(z.union([z.string(), z.strictObject({ host: z.string(), endpoint: z.string() })]))
    .default([])
    .describe(
      "Other hosts to join, each { host, endpoint }: its name in `keys` and its ZeroMQ endpoint, e.g. tcp://10.0.0.2:7447; images come from the port after it. Without keys, the endpoint alone.",
    ),
  bind: z
    .string()
    .optional()
    .describe("ZeroMQ endpoint where other hosts find the main process, e.g. tcp://192.168.1.5:7447. Default: none."),
  keys: z
    .string()
    .optional()
    .describe("File with this host's keys (`latentloop keys make`), relative to this file: tcp is encrypted then."),
  plainTcp: z
    .boolean()
    .default(false)
    .describe("Whether other hosts may be joined without keys: anybody who reaches the port can then move the robot."),
});

/** A node as the host runs it. */
export interface LaunchNode extends Omit<z.output<typeof nodeSchema>, "kind"> {
  readonly namespace: string;
  readonly role: Role;
  /** A key of `NODE_KINDS`, or the URL of a module. */
  readonly kind: string;
}

export interface Launch extends Omit<z.output<typeof launchSchema>, "nodes" | "namespace"> {
  readonly nodes: readonly LaunchNode[];
}

/**
 * A launch file, checked, with the kinds of its nodes looked up.
 * @throws ERR_NODE_KIND for an unknown kind, and those of `readConfig`
 */
export async function readLaunch(file: string): Promise<Launch> {
  return resolveLaunch(await readConfig(launchSchema, file), dirname(resolve(file)));
}

/** As `readLaunch`, of a description at hand; paths in it are relative to `folder`. */
export async function resolveLaunch(description: z.output<typeof launchSchema>, folder: string): Promise<Launch> {
  const { namespace, keys, ...launch } = description;
  const nodes = await Promise.all(
    description.nodes.map(async (node) => ({ ...node, namespace, ...(await lookUp(node.kind, folder)) })),
  );
  for (const node of nodes) {
    requireOwnProcess(node, nodes);
    requireRestartable(node, nodes);
  }
  return { ...launch, nodes, ...(keys === undefined ? {} : { keys: resolve(folder, keys) }) };
}

async function lookUp(kind: string, folder: string): Promise<{ kind: string; role: Role }> {
  const known = Object.hasOwn(NODE_KINDS, kind) ? NODE_KINDS[kind] : undefined;
  if (known) return { kind, role: known.role };
  if (/\.m?js$/.test(kind)) {
    const url = pathToFileURL(resolve(folder, kind)).href;
    return { kind: url, role: (await loadNodeModule(url)).role };
  }
  const names = Object.keys(NODE_KINDS);
  const nearest = nearestKey(kind, names);
  throw new LatentloopError(
    "ERR_NODE_KIND",
    `Unknown node kind '${kind}'${nearest === undefined ? "" : `: the nearest known one is '${nearest}'`}.`,
    { remedy: `Known: ${names.join(", ")}, or the path of a module that ends in .js.` },
  );
}

/** @throws ERR_INVALID_VALUE if a node that needs a process of its own shares one */
function requireOwnProcess({ name, kind, process }: LaunchNode, nodes: readonly LaunchNode[]): void {
  if (!NODE_KINDS[kind]?.alone) return;
  const shared = nodes.find((other) => other.name !== name && other.process === process);
  if (process !== MAIN_PROCESS && shared === undefined) return;
  const others = shared === undefined ? "the launch itself" : `'${shared.name}'`;
  throw new LatentloopError(
    "ERR_INVALID_VALUE",
    `Expected a process of its own for node '${name}' of kind ${kind} but it shares '${process}' with ${others}.`,
    { remedy: `Give it a name that no other node has: process: ${name}.` },
  );
}

/**
 * Whoever moves the robot never begins again by itself: an operator looks first.
 * @throws ERR_INVALID_VALUE
 */
function requireRestartable({ name, onFailure, process, role }: LaunchNode, nodes: readonly LaunchNode[]): void {
  if (onFailure !== "restart") return;
  const fellow = nodes.find((other) => other.process === process && other.onFailure !== "restart");
  const why =
    process === MAIN_PROCESS
      ? "it runs in the main process"
      : role === "control" || role === "robot"
        ? `it has the role '${role}': what moves the robot is begun by an operator`
        : fellow && `it shares its process with '${fellow.name}', which does not`;
  if (!why) return;
  throw new LatentloopError("ERR_INVALID_VALUE", `Node '${name}' cannot restart by itself: ${why}.`, {
    remedy: "Choose onFailure: stop or continue, or give it a process of its own.",
  });
}
