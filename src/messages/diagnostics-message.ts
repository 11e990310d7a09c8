import type { Diagnosis } from "../core/node.ts";
import type { DiagnosticArray } from "./ros-messages.ts";
import { makeHeader } from "./stamp.ts";

const LEVELS: readonly Diagnosis["level"][] = ["ok", "warn", "error", "stale"];

/** One diagnostic_msgs/DiagnosticArray of a node's tasks. */
export function diagnosticsToMessage(
  node: string,
  tasks: Iterable<readonly [task: string, diagnosis: Diagnosis]>,
  stampNs: bigint,
): DiagnosticArray {
  return {
    header: makeHeader(stampNs),
    status: Array.from(tasks, ([task, { level, message, values }]) => ({
      level: LEVELS.indexOf(level),
      name: `${node}: ${task}`,
      message,
      hardware_id: "",
      values: Object.entries(values).map(([key, value]) => ({ key, value: String(value) })),
    })),
  };
}
