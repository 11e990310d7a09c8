import { LatentloopError, messageOf } from "../../core/errors.ts";
import { NODE_KINDS } from "../index.ts";
import { type NodeFactory, ROLES, type Role } from "../node-kind.ts";

/** What a module of one's own exports: `role` and `create(context, parameters)`. */
export interface NodeModule extends NodeFactory {
  readonly role: Role;
}

/** @throws ERR_NODE_KIND if there is no such module, or it exports no node */
export async function loadNodeModule(url: string): Promise<NodeModule> {
  let module: Partial<NodeModule>;
  try {
    module = await import(url);
  } catch (cause) {
    throw new LatentloopError("ERR_NODE_KIND", `Expected a node module at ${url}: ${messageOf(cause)}.`, { cause });
  }
  const { role, create } = module;
  if (typeof create === "function" && role !== undefined && ROLES.includes(role)) return { role, create };
  throw new LatentloopError(
    "ERR_NODE_KIND",
    `Expected ${url} to export create(context, parameters) and a role of ${ROLES.join(", ")} but received ${Object.keys(module).join(", ") || "nothing"}.`,
  );
}

export async function loadFactory(kind: string): Promise<NodeFactory> {
  return (await NODE_KINDS[kind]?.load()) ?? loadNodeModule(kind);
}
