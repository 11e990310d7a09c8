import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import { verdictSchema } from "../gates/gate.ts";

/** A bundle of a models folder. `hash` is null where its manifest could not be read. */
const model = z.strictObject({ name: z.string(), hash: z.string().nullable() });
export type ModelRef = z.infer<typeof model>;

const at = z.iso.datetime({ precision: null }).describe("Wall clock, UTC.");

/** What may happen to a candidate. */
const eventSchema = z.discriminatedUnion("event", [
  /** It went through the gates. */
  z.strictObject({
    event: z.literal("judged"),
    at,
    model,
    live: model.nullable(),
    passed: z.boolean(),
    verdicts: z.array(verdictSchema),
  }),
  /** It ran beside the live model on live observations. */
  z.strictObject({
    event: z.literal("shadowed"),
    at,
    model,
    live: model,
    passed: z.boolean(),
    verdicts: z.array(verdictSchema),
  }),
  /** It became the live model. */
  z.strictObject({ event: z.literal("promoted"), at, model, from: model.nullable(), by: z.string() }),
  /** It stood its watch. */
  z.strictObject({ event: z.literal("kept"), at, model, verdicts: z.array(verdictSchema) }),
  /** The model before it became the live one again. */
  z.strictObject({
    event: z.literal("rolled-back"),
    at,
    model,
    to: model,
    by: z.string(),
    reason: z.string(),
    verdicts: z.array(verdictSchema),
  }),
]);
export type LedgerEvent = z.infer<typeof eventSchema>;

export const LEDGER_FILE = "ledger.jsonl";
const NEWLINE = 0x0a;

/**
 * Adds an event to a ledger and waits until the disk has it. Every line is one write at the end of the file, so several
 * processes may add; a line that a crash cut off is closed first and stays as it is.
 *
 * @throws ERR_LEDGER if the disk does not take it
 */
export async function appendToLedger(path: string, event: LedgerEvent): Promise<void> {
  try {
    const file = await open(path, "a+");
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      const line = `${JSON.stringify(event)}\n`;
      await writeWhole(file, Buffer.from(size > 0 && last[0] !== NEWLINE ? `\n${line}` : line), size);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new LatentloopError("ERR_LEDGER", `Expected to add an event to ${path}: ${messageOf(cause)}.`, {
      remedy: "Check the disk: no model is switched without an entry.",
      cause,
    });
  }
}

/** One write. What a full disk took of it is taken back, unless another process has written behind it. */
async function writeWhole(file: FileHandle, bytes: Buffer, sizeBefore: number): Promise<void> {
  const { bytesWritten } = await file.write(bytes);
  if (bytesWritten === bytes.length) return;
  const { size } = await file.stat();
  if (size === sizeBefore + bytesWritten) await file.truncate(sizeBefore);
  throw new Error(`the disk took ${bytesWritten} of ${bytes.length} bytes`);
}

export interface Ledger {
  /** Oldest first. */
  readonly events: readonly LedgerEvent[];
  /** Lines that are no event: cut off by a crash, or written by something else. */
  readonly damaged: number;
}

/** A ledger that does not exist is empty. @throws ERR_LEDGER if it cannot be read */
export async function readLedger(path: string): Promise<Ledger> {
  const lines = (await textOf(path)).split("\n").filter((line) => line !== "");
  const events = lines.map(parseEvent);
  const good = events.filter((event) => event !== undefined);
  return { events: good, damaged: events.length - good.length };
}

async function textOf(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new LatentloopError("ERR_LEDGER", `Expected a readable ledger at ${path}: ${messageOf(cause)}.`, { cause });
  }
  try {
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function parseEvent(line: string): LedgerEvent | undefined {
  try {
    return eventSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
