import type { LogRecord } from "../nodes/host/host-protocol.ts";

const SHOWN: Readonly<Record<string, readonly LogRecord["level"][]>> = {
  all: ["info", "warn", "error"],
  problems: ["warn", "error"],
};

/** A node's log record as a line: what it is, who says it, the sentence, the values. */
export function printLog(log: (line: string) => void, levels: keyof typeof SHOWN = "all"): (record: LogRecord) => void {
  return ({ level, node, message, values }) => {
    if (!SHOWN[levels]!.includes(level)) return;
    const details = values === undefined || Object.keys(values).length === 0 ? "" : ` ${JSON.stringify(values)}`;
    log(`${level === "info" ? "" : `${level} `}${node}: ${message}${details}`);
  };
}
