import type { Logger } from "../core/node.ts";
import type { RclNode } from "./rclnodejs.ts";

/** A logger to the console and /rosout; values follow the sentence as JSON. */
export function rosLogger(node: RclNode): Logger {
  const logger = node.getLogger();
  const at = (level: keyof Logger) => (message: string, values?: object) => {
    logger[level](values === undefined ? message : `${message} ${JSON.stringify(values, bigintAsText)}`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
