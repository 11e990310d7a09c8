import { systemClock } from "../../core/clock.ts";
import { measureRealtime, measureRendering, measureStepping } from "../../sim/bench.ts";
import { taskNamed } from "../../sim/index.ts";
import { formatTable } from "../output.ts";
import type { BenchOptions } from "./suite.ts";

const RENDERED = ["reach", "arm-reach", "walker-walk"];
const REALTIME_SIZE = { width: 128, height: 128 };

/** `latentloop bench sim`: steps and pictures per second, beside real time, and how well the real-time robot keeps up. */
export async function benchSim({ seconds = 30, log }: BenchOptions): Promise<object> {
  const clock = systemClock();
  const share = seconds / 60;
  const stepping = (await measureStepping(clock, share)).map((rate) => ({
    ...rate,
    timesRealTime: rate.stepsWithImagePerSecond / taskNamed(rate.task).controlRateHz,
  }));
  log(
    formatTable([
      ["task", "steps/s", "with a picture each", "× real time"],
      ...stepping.map((rate) => [
        rate.task,
        rate.stepsPerSecond.toFixed(0),
        rate.stepsWithImagePerSecond.toFixed(0),
        rate.timesRealTime.toFixed(0),
      ]),
    ]),
  );
  const pictures = [];
  for (const task of RENDERED) pictures.push(...(await measureRendering(clock, task, share)));
  log(
    formatTable([
      ["pictures of", "size", "per second"],
      ...pictures.map(({ task, width, height, framesPerSecond }) => [
        task,
        `${width}×${height}`,
        framesPerSecond.toFixed(0),
      ]),
    ]),
  );
  const realtime = await measureRealtime(clock, "arm-reach", REALTIME_SIZE, Math.max(3, seconds / 6));
  log(`arm-reach in real time: ${JSON.stringify(realtime)}`);
  return { stepping, pictures, realtime };
}
