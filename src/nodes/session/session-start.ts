import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import { root } from "../../config/package-root.ts";
import { parseConfig } from "../../config/read-config.ts";
import type { Clock } from "../../core/clock.ts";
import { DEFAULT_QOS, type Qos } from "../../core/node.ts";
import { makeHeader, type SessionStart } from "../../messages/index.ts";

/** What can be run again from its log: a control loop, or a model that plans. */
export type SessionPart = "control" | "model";

/** Starts are few and all of them are needed, also by a recorder that comes a little later. */
export const SESSION_QOS: Qos = { ...DEFAULT_QOS, durability: "transient_local", depth: 16 };
/** Everything that is logged counts: a recorder may be busy for seconds before it loses some. */
export const SESSION_LOG_QOS: Qos = { ...DEFAULT_QOS, depth: 500 };

/** The message that opens the log of a part. @param setup plain data, all that is needed to make the part again */
export function sessionStart(part: SessionPart, setup: object, clock: Clock): SessionStart {
  const session = clock.rosNs();
  return { header: makeHeader(session), session, part, machine: machineName(), setup: stringify(setup) };
}

/** @throws ERR_SYNTAX, ERR_UNKNOWN_KEY, ERR_MISSING_KEY, ERR_INVALID_VALUE for a setup that was changed or is of another version */
export function readSetup<S extends z.ZodType>(schema: S, { part, session, setup }: SessionStart): z.output<S> {
  return parseConfig(schema, setup, `the setup of ${part} session ${session}`);
}

/** What decides over the last bits of a result. */
export function machineName(): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return `latentloop ${version}, node ${process.version}, ${process.arch}, ${cpus()[0]?.model ?? "unknown processor"}`;
}
