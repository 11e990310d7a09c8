/** The plain loop of most Python robots: time.sleep to the next deadline of an absolute grid. Prints what timeout-loop prints. */
export const PYTHON_LOOP = `
import json, math, sys, time
rate_hz, seconds = float(sys.argv[1]), float(sys.argv[2])
period = 1 / rate_hz
origin = time.monotonic() + period
lateness_us, missed, k = [], 0, 0
while k < rate_hz * seconds:
    deadline = origin + k * period
    while (rest := deadline - time.monotonic()) > 0:
        time.sleep(rest)
    late = time.monotonic() - deadline
    lateness_us.append(late * 1e6)
    passed = math.floor(late / period)
    missed += passed
    k += 1 + passed
print(json.dumps({"lateness_us": lateness_us, "missed": missed}))
`;
