import { CdrWriter } from "@foxglove/cdr";
import { MessageReader } from "@foxglove/rosmsg2-serialization";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { compileWriter, type FieldWriter } from "./cdr-writer.ts";
import { messageDefinitions } from "./message-definitions.ts";
import type { RosMessages, RosType } from "./ros-messages.ts";

interface Codec {
  readonly write: FieldWriter;
  readonly reader: MessageReader;
}

const codecs = new Map<RosType, Codec>();
let scratch = new ArrayBuffer(4096);
/** Some middleware pads a payload to a multiple of 4 bytes; more left over means another definition. */
const MAX_PADDING = 3;

function codecOf(type: RosType): Codec {
  let codec = codecs.get(type);
  if (codec === undefined) {
    const definitions = messageDefinitions(type);
    codec = { write: compileWriter(definitions), reader: new MessageReader(definitions) };
    codecs.set(type, codec);
  }
  return codec;
}

/** Makes what reads and writes messages of a type, so that the first of them is not late for it. */
export function prepareMessages(type: RosType): void {
  codecOf(type);
}

/**
 * The message as CDR: a 4-byte header, then little-endian XCDR1. The bytes are valid until the next call in this thread.
 * @throws ERR_MESSAGE_MALFORMED for a missing field or one of another type
 */
export function borrowSerialized<T extends RosType>(type: T, message: RosMessages[T]): Uint8Array {
  const writer = new CdrWriter({ buffer: scratch });
  try {
    codecOf(type).write(writer, message);
  } catch (cause) {
    throw new LatentloopError("ERR_MESSAGE_MALFORMED", `Expected a ${type}: ${messageOf(cause)}.`, { cause });
  }
  const bytes = writer.data;
  scratch = bytes.buffer as ArrayBuffer; // the writer replaced it if the message needed a longer one
  return bytes;
}

/** As `borrowSerialized`, but bytes of their own. */
export function serializeMessage<T extends RosType>(type: T, message: RosMessages[T]): Uint8Array {
  return borrowSerialized(type, message).slice();
}

/**
 * The message in CDR bytes of either byte order. Its arrays may be views of `cdr`: copy what outlives those bytes.
 * @throws ERR_MESSAGE_MALFORMED if the bytes are no such message
 */
export function deserializeMessage<T extends RosType>(type: T, cdr: Uint8Array): RosMessages[T] {
  const { reader } = codecOf(type);
  let message: RosMessages[T];
  try {
    if (cdr[0] !== 0 || (cdr[1] !== 0 && cdr[1] !== 1)) throw new Error("its header is none of plain CDR");
    message = reader.readMessage<RosMessages[T]>(cdr);
  } catch (cause) {
    throw malformed(type, cdr, messageOf(cause), cause);
  }
  const excess = cdr.length - reader.lastReadByteLength();
  if (excess < 0) throw malformed(type, cdr, `it ends ${-excess} bytes too early`);
  if (excess > MAX_PADDING) throw malformed(type, cdr, `${excess} bytes are left over`);
  return message;
}

function malformed(type: RosType, cdr: Uint8Array, why: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_MESSAGE_MALFORMED", `Expected a ${type} in ${cdr.length} bytes of CDR: ${why}.`, {
    cause,
  });
}
