/**
 * Time, passed in wherever it is read.
 *
 * Units: nanoseconds. `monotonicNs` is CLOCK_MONOTONIC and comparable between the threads and processes of one host;
 * a double holds it to 1 ns for the first 104 days of uptime and to 2 ns for the next 104. Deadlines and ages use only it.
 * `rosNs` is the ROS clock (Unix epoch, or simulated time) and stamps messages.
 */
export interface Clock {
  monotonicNs(): number;
  rosNs(): bigint;
}

/**
 * The machine's own clocks. Timing: safe in the control loop, `monotonicNs` allocates nothing.
 *
 * Stamps of threads and processes agree to a few microseconds: `timeOrigin` was read in microseconds when the process
 * began, where Date.now() would put each thread up to a millisecond apart. A later step of the wall clock is not followed.
 */
export function systemClock(): Clock {
  const originNs = monotonicOriginNs();
  const epochOffsetNs = BigInt(Math.round(performance.timeOrigin * 1e3)) * 1000n - BigInt(Math.round(originNs));
  return {
    monotonicNs: () => performance.now() * 1e6 + originNs,
    rosNs: () => process.hrtime.bigint() + epochOffsetNs,
  };
}

/** More readings hardly narrow it further. */
const ORIGIN_READINGS = 16;

/**
 * What performance.now() lacks to CLOCK_MONOTONIC: a constant of each thread, so that adding it makes threads comparable.
 * Taken from the tightest of several readings: the first ones load code and were seen to be 1 ms off.
 */
function monotonicOriginNs(): number {
  let tightestMs = Number.POSITIVE_INFINITY;
  let originNs = 0;
  for (let i = 0; i < ORIGIN_READINGS; i++) {
    const beforeMs = performance.now();
    const monotonicNs = Number(process.hrtime.bigint());
    const afterMs = performance.now();
    if (afterMs - beforeMs >= tightestMs) continue;
    tightestMs = afterMs - beforeMs;
    originNs = monotonicNs - ((beforeMs + afterMs) / 2) * 1e6;
  }
  return originNs;
}
