import type { SafeCommand } from "../../core/robot.ts";
import type { RingWriter } from "../../transport/shared-ring.ts";

/** Where the control thread sends its commands. Timing: `send` must be safe in the control loop. */
export interface CommandPort {
  send(command: SafeCommand): void;
}

/** CDR header, an empty layout (no dimension, offset 0), the count, and padding up to the first float64. */
const DATA_OFFSET = 20;

/**
 * Publishes commands as std_msgs/Float64MultiArray straight into the shared ring of their topic: from the thread that keeps
 * time to the subscriber without a hop through any event loop.
 */
export function commandPortOnRing(ring: RingWriter, jointCount: number, rosNs: () => bigint): CommandPort {
  const cdr = new DataView(new ArrayBuffer(DATA_OFFSET + 8 * jointCount));
  cdr.setUint8(1, 1); // little-endian XCDR1
  cdr.setUint32(12, jointCount, true);
  const bytes = new Uint8Array(cdr.buffer);
  return {
    send({ values }) {
      for (let j = 0; j < jointCount; j++) cdr.setFloat64(DATA_OFFSET + 8 * j, values[j]!, true);
      ring.write(bytes, rosNs());
    },
  };
}
