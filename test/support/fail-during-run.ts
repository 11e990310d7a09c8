/* A thread with an engine that fails in the middle of a run; `workerData` is the bundle. */
import { workerData } from "node:worker_threads";
import { systemClock } from "../../src/core/clock.ts";
import { InferenceEngine } from "../../src/inference/inference-engine.ts";

const clock = systemClock();
const engine = await InferenceEngine.start({ provider: "cpu", threads: 1, niceness: 0, clock });
const { graphs } = await engine.load(workerData);
const inTheMiddle = async () => (await graphs.act!.run(clock.monotonicNs() + 20e6)).status === "late";
while (!(await inTheMiddle())); // it was done before this thread looked again
throw new Error("a fault beside the run");
