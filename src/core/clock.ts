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

/** The machine's own clocks. Timing: safe in the control loop, `monotonicNs` allocates nothing. */
export function systemClock(): Clock {
  // performance.now() is CLOCK_MONOTONIC less a per-thread origin: adding the origin back makes threads comparable.
  const originNs = Number(process.hrtime.bigint()) - performance.now() * 1e6;
  const epochOffsetNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  return {
    monotonicNs: () => performance.now() * 1e6 + originNs,
    rosNs: () => process.hrtime.bigint() + epochOffsetNs,
  };
}
