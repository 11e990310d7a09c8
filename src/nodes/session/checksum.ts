import { crc32 } from "@foxglove/crc";
import { nsFromTime, type PolicyEvent, type TickInputMessage } from "../../messages/index.ts";

/** CRC-32 of the bytes of an array. */
export function checksumOf({ buffer, byteOffset, byteLength }: ArrayBufferView): number {
  return crc32(new Uint8Array(buffer, byteOffset, byteLength));
}

/** Of what a tick was computed from. */
export function checksumOfTick(input: Omit<TickInputMessage, "checksum">): number {
  return checksumOfNumbers([
    Number(input.tick),
    input.now_ns,
    input.command_ns,
    input.events,
    input.halt_request,
    input.joint_state_arrival_ns,
    ...Array.from(input.position),
    ...Array.from(input.velocity),
    Number(input.plan_id),
    input.plan_arrival_ns,
    input.plan_start_ns,
    input.plan_observation_arrival_ns,
  ]);
}

/** Of what a model took in an event, but for the bytes of its images, which have checksums of their own. */
export function checksumOfEvent(event: Omit<PolicyEvent, "checksum">): number {
  return checksumOfNumbers([
    event.number,
    event.kind,
    ...event.image_stamps.map((stamp) => Number(nsFromTime(stamp))),
    ...Array.from(event.image_checksums),
    ...Array.from(event.proprioception),
    event.capture_ns,
    event.arrival_ns,
    ...Array.from(event.clock_ns),
    ...Array.from(event.mean_actions),
    ...Array.from(event.graph_runs),
  ]);
}

/** Every NaN counts as the same: its bits are nobody's choice. */
function checksumOfNumbers(values: readonly number[]): number {
  return checksumOf(Float64Array.from(values, (value) => (Number.isNaN(value) ? Number.MAX_VALUE : value)));
}
