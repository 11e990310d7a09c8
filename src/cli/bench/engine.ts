// Our side of a contest, in a process of its own: `engine.js train|plan <workload> <weights> <batch> <threads> <provider>`.
// It speaks the protocol that torch_twin.py describes.
import { createInterface } from "node:readline";
import { processorSeconds } from "../../core/processor-time.ts";
import type { Provider } from "../../inference/placement.ts";
import type { Command } from "./contest.ts";
import { planningEngine } from "./planning-engine.ts";
import { trainingEngine } from "./training-engine.ts";

const [kind, workload = "", weights = "", batch = "", threads, provider] = process.argv.slice(2);
const open = kind === "plan" ? planningEngine : trainingEngine;
const session = { threads: Number(threads), provider: provider as Provider };
const engine = await open({ workload, weights, batch, session });

async function answer(command: Command): Promise<object> {
  if (command.do !== "run") return engine.answer(command);
  const began = performance.now();
  const beganCpuS = processorSeconds();
  const share = command.count / (await engine.run(command.count));
  const cpuSeconds = processorSeconds() - beganCpuS;
  return {
    seconds: (share * (performance.now() - began)) / 1e3,
    cpuSeconds: share * cpuSeconds,
    peakMb: process.resourceUsage().maxRSS / 1024,
  };
}

const say = (message: object): boolean => process.stdout.write(`${JSON.stringify(message)}\n`);
say(engine.greeting);
for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
