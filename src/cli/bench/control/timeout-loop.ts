import { performance } from "node:perf_hooks";

/**
 * The plain loop of most Node robots, alone in its process: setTimeout to the next deadline of an absolute grid.
 * Usage: timeout-loop.js <rateHz> <seconds>; prints latenesses in µs and the missed deadlines as JSON.
 */
const [rateHz = 100, seconds = 1] = process.argv.slice(2).map(Number);
const periodMs = 1e3 / rateHz;
const originMs = performance.now() + periodMs;
const lateness_us: number[] = [];
let missed = 0;

for (let k = 0; k < rateHz * seconds; ) {
  const deadlineMs = originMs + k * periodMs;
  for (let restMs = deadlineMs - performance.now(); restMs > 0; restMs = deadlineMs - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  const lateMs = performance.now() - deadlineMs;
  lateness_us.push(lateMs * 1e3);
  const passed = Math.floor(lateMs / periodMs);
  missed += passed;
  k += 1 + passed;
}
process.stdout.write(JSON.stringify({ lateness_us, missed }));
