import type { z } from "zod";
import { parseStrict } from "../config/parse-strict.ts";
import type { LifecycleNode, NodeContext } from "../core/node.ts";
import type { RosMessages } from "../messages/index.ts";

/**
 * What a node is to the whole, in the order in which a shutdown takes the nodes: first nothing new comes in, then the
 * robot is brought to rest, last the recording ends. Nodes are activated in the opposite order.
 */
export const ROLES = ["intake", "model", "control", "robot", "view", "replay"] as const;
export type Role = (typeof ROLES)[number];

/** Makes a node of one kind. */
export interface NodeFactory {
  /** What `create` takes, for the reference page; a module of the user's own may leave it out. */
  readonly parameters?: z.ZodType;
  /** @throws those of `parseStrict` for parameters that its schema does not take */
  create(context: NodeContext<RosMessages>, parameters: unknown): LifecycleNode;
}

export interface NodeKind {
  readonly about: string;
  readonly role: Role;
  /** Whether it needs a process of its own, because it may take all that a process has. */
  readonly alone?: boolean;
  /** Options of Node for the process that it runs in, unless that is the main one. */
  readonly nodeOptions?: readonly string[];
  /** Imports the kind's module only where a node of it runs. */
  load(): Promise<NodeFactory>;
}

/** A factory that checks the parameters by their schema first. */
export function nodeFactory<S extends z.ZodType>(
  schema: S,
  create: (context: NodeContext<RosMessages>, parameters: z.output<S>) => LifecycleNode,
): NodeFactory {
  return {
    parameters: schema,
    create: (context, parameters) =>
      create(context, parseStrict(schema, parameters, `the parameters of node '${context.name}'`)),
  };
}
