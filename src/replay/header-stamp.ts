import { isRosType } from "../messages/index.ts";
import { messageDefinitions } from "../messages/message-definitions.ts";

const HEADER_TYPE = "std_msgs/Header";
const hasHeader = new Map<string, boolean>();

/** Whether messages of a type begin with a std_msgs/Header. */
function beginsWithHeader(type: string): boolean {
  let known = hasHeader.get(type);
  if (known === undefined) {
    const [first] = isRosType(type) ? (messageDefinitions(type)[0]?.definitions ?? []) : [];
    hasHeader.set(type, (known = first?.type === HEADER_TYPE));
  }
  return known;
}

/** The capture stamp in a message's header, without reading the rest; undefined where its type has none. Units: nanoseconds. */
export function headerStampNs(type: string, cdr: Uint8Array): bigint | undefined {
  if (cdr.length < 12 || !beginsWithHeader(type)) return undefined;
  const view = new DataView(cdr.buffer, cdr.byteOffset, cdr.byteLength);
  const littleEndian = cdr[1] === 1;
  return BigInt(view.getInt32(4, littleEndian)) * 1_000_000_000n + BigInt(view.getUint32(8, littleEndian));
}
