/* A program that exits in the middle of a run: `node exit-during-run.js <bundle>`. */
import { systemClock } from "../../src/core/clock.ts";
import { InferenceEngine } from "../../src/inference/inference-engine.ts";

const clock = systemClock();
const engine = await InferenceEngine.start({ provider: "cpu", threads: 1, niceness: 0, clock });
const { graphs } = await engine.load(process.argv[2]!);
const inTheMiddle = async () => (await graphs.act!.run(clock.monotonicNs() + 20e6)).status === "late";
while (!(await inTheMiddle())); // it was done before this thread looked again
process.exit(7);
