/** How long a joint takes to come back once its command stops running ahead. */
const FADE_S = 0.1;

/**
 * Keeps a position command from running away from a joint that cannot follow, e.g. because it is blocked.
 *
 * The nearer the command's lead comes to `maxLead`, the more the requested velocity falls back to the measured one, so that
 * the joint is pushed no harder than its lead allows and moves on as soon as it is free. A joint that is pushed away takes
 * its command along: nothing else ever turns a request round.
 *
 * Units: rad, rad/s. Shapes: all [J]. Returns whether a request was lowered. Timing: allocates nothing.
 */
export function limitLead(
  requested: Float64Array,
  commanded: Float64Array,
  measured: { readonly positions: ArrayLike<number>; readonly velocities: ArrayLike<number> },
  maxLead: number,
  out: Float64Array,
): boolean {
  let lowered = false;
  for (let j = 0; j < out.length; j++) {
    const lead = commanded[j]! - measured.positions[j]!;
    const velocity = measured.velocities[j]!;
    const request = requested[j]!;
    const [roomUp, roomDown] = [(maxLead - lead) / FADE_S, (maxLead + lead) / FADE_S];
    const highest = Math.max(Math.min(0, roomUp), velocity + roomUp);
    const lowest = Math.min(Math.max(0, -roomDown), velocity - roomDown);
    out[j] = Math.min(Math.max(request, lowest), highest);
    if (out[j] !== request) lowered = true;
  }
  return lowered;
}
