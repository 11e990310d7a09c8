import { Packr } from "msgpackr";
import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import { isRosType, type RosType } from "../../messages/index.ts";

/** Raised whenever an older reader could misunderstand a newer frame. */
export const FRAME_VERSION = 2;

const name = z.string().min(1).max(255);

const messageHeader = z.strictObject({
  v: z.literal(FRAME_VERSION),
  kind: z.literal("message"),
  topic: name,
  type: name,
  /** Unique over all processes; `sequence` counts its messages on this topic. */
  publisher: name,
  sequence: z.int().min(0),
  /** ROS clock, nanoseconds. */
  stamp: z.bigint(),
  /** Length of the publisher's history for late subscribers, 0 for a volatile topic. */
  history: z.int().min(0),
});

const requestHeader = z.strictObject({
  v: z.literal(FRAME_VERSION),
  kind: z.literal("request"),
  service: name,
  call: name,
  /** Bridge that waits for the response. */
  caller: name,
  timeoutMs: z.number().positive(),
});

/** Whoever serves a request asks back whether its caller still waits. */
const queryHeader = z.strictObject({
  v: z.literal(FRAME_VERSION),
  kind: z.literal("query"),
  call: name,
  /** Bridge that waits for the confirmation. */
  server: name,
});

const confirmHeader = z.strictObject({
  v: z.literal(FRAME_VERSION),
  kind: z.literal("confirm"),
  call: name,
  /** How long the caller still waits. */
  remainingMs: z.number().positive(),
});

const responseHeader = z.strictObject({
  v: z.literal(FRAME_VERSION),
  kind: z.literal("response"),
  call: name,
  success: z.boolean(),
  message: z.string(),
});

const header = z.discriminatedUnion("kind", [messageHeader, requestHeader, queryHeader, confirmHeader, responseHeader]);

export type MessageHeader = z.output<typeof messageHeader> & { readonly type: RosType };
export type RequestHeader = z.output<typeof requestHeader>;
export type QueryHeader = z.output<typeof queryHeader>;
export type ConfirmHeader = z.output<typeof confirmHeader>;
export type ResponseHeader = z.output<typeof responseHeader>;
export type FrameHeader = MessageHeader | RequestHeader | QueryHeader | ConfirmHeader | ResponseHeader;

export interface Frame {
  readonly header: FrameHeader;
  /** A message's CDR bytes; empty for services. */
  readonly payload: Uint8Array;
}

const NO_PAYLOAD = new Uint8Array(0);
/** 64-bit integers are bigint on both sides. */
const packr = new Packr({ useRecords: false, int64AsType: "bigint" });

/** What a subscriber asks for. The closing NUL keeps "/arm" from matching "/arm_2". */
export const prefixOf = {
  topic: (topic: string) => `${topic}\0`,
  service: (service: string) => `?${service}\0`,
  caller: (caller: string) => `!${caller}\0`,
};

/**
 * The three parts that go over the wire: prefix, msgpack header, payload. The payload is not copied: ZeroMQ may send it
 * later, so its bytes must never change again.
 */
export function encodeFrame(prefix: string, frameHeader: FrameHeader, payload: Uint8Array = NO_PAYLOAD): Buffer[] {
  const { buffer, byteOffset, byteLength } = payload;
  // pack() hands out slices of a buffer that it goes on filling behind them, so they never change either.
  return [Buffer.from(prefix), packr.pack(frameHeader), Buffer.from(buffer, byteOffset, byteLength)];
}

/**
 * @throws ERR_FRAME_VERSION for a version that this process does not speak
 * @throws ERR_MESSAGE_TYPE for a message type that it does not know
 * @throws ERR_FRAME_MALFORMED for anything else that is no frame; the sentence names the field
 */
export function decodeFrame(parts: readonly Uint8Array[]): Frame {
  if (parts.length !== 3) throw malformed(`3 parts but received ${parts.length}`);
  const value = unpack(parts[1]!);
  const version = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
  if (version !== FRAME_VERSION) {
    throw new LatentloopError(
      "ERR_FRAME_VERSION",
      `Expected a frame of version ${FRAME_VERSION} but received version ${JSON.stringify(version) ?? "none"}.`,
      { remedy: "Run the same version of latentloop in every process." },
    );
  }
  const result = header.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw malformed(`a valid header: ${issue?.path.join(".") || "the whole"}: ${issue?.message ?? "is wrong"}`);
  }
  const payload = parts[2]!;
  const { data } = result;
  if (data.kind === "message" ? payload.length < 4 : payload.length > 0) {
    throw malformed(`another payload for kind '${data.kind}' but received ${payload.length} bytes`);
  }
  if (data.kind !== "message") return { header: data, payload };
  const { type } = data;
  if (isRosType(type)) return { header: { ...data, type }, payload };
  throw new LatentloopError(
    "ERR_MESSAGE_TYPE",
    `Expected a message type we know on '${data.topic}' but received ${type}.`,
  );
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw malformed(`a msgpack header: ${messageOf(cause)}`, cause);
  }
}

function malformed(rule: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_FRAME_MALFORMED", `Expected a frame with ${rule}.`, { cause });
}
