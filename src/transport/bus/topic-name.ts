import { LatentloopError } from "../../core/errors.ts";

/** How a node's names become the graph's: as `--ros-args -r __ns:=… -r from:=to` would have it. */
export interface NameScope {
  /** "" or "/lab/left". */
  readonly namespace: string;
  readonly node: string;
  /** From → to, both as a node would write them. */
  readonly remap: Readonly<Record<string, string>>;
}

const VALID = /^(\/[A-Za-z_][A-Za-z0-9_]*)+$/;

/**
 * "joint_states" → "/lab/left/joint_states", "~/arm" → "/lab/left/control/arm", "/diagnostics" as it is; then remapped.
 * @throws ERR_INVALID_ARGUMENT for a name that ROS would not take
 */
export function resolveName(scope: NameScope, name: string): string {
  const full = expand(scope, name);
  for (const [from, to] of Object.entries(scope.remap)) {
    if (expand(scope, from) === full) return expand(scope, to);
  }
  return full;
}

function expand({ namespace, node }: NameScope, name: string): string {
  let full = `${namespace}/${name}`;
  if (name.startsWith("/")) full = name;
  else if (name.startsWith("~/")) full = `${namespace}/${node}/${name.slice(2)}`;
  if (VALID.test(full)) return full;
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected a topic or service name of letters, digits, '_' and '/' but received '${name}' in namespace '${namespace}'.`,
  );
}
