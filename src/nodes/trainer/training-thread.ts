import { EventEmitter, once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import type { Logger } from "../../core/node.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import { errorOf, failureOf, type LogRecord } from "../host/host-protocol.ts";
import { Campaign, type CampaignPorts, type Outcome } from "./campaign.ts";
import { standBack } from "./stand-back.ts";
import type { FromTraining, ToTraining } from "./thread-protocol.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";

/** Entry of the thread that trains: it yields to everything else on the machine. */
const parameters = workerData as TrainerParameters;
const port = parentPort!;
const changes = new EventEmitter();
let rest = false;
let stopped = false;
let requested = false;
let verdict: { resolve(outcome: Outcome): void; reject(error: Error): void } | undefined;

const tell = (message: FromTraining): void => port.postMessage(message);
const logAt = (level: LogRecord["level"]) => (message: string, values?: object) =>
  tell({ op: "log", level, message, ...(values === undefined ? {} : { values }) });
const log: Logger = { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };

const ports: CampaignPorts = {
  log,
  async ready() {
    while (rest && !stopped) await once(changes, "change");
    return !stopped;
  },
  async wait(ms) {
    if (stopped || requested) return;
    const over = new AbortController();
    const options = { signal: over.signal };
    await Promise.race([delay(ms, undefined, options), once(changes, "change", options)]);
    over.abort();
  },
  takeRequest() {
    const was = requested;
    requested = false;
    return was;
  },
  judge(submission) {
    return new Promise((resolve, reject) => {
      verdict = { resolve, reject };
      tell({ op: "submit", submission });
    });
  },
  report: (status) => tell({ op: "status", status }),
};

port.on("message", (message: ToTraining) => {
  if (message.op === "rest") rest = message.rest;
  if (message.op === "train-now") requested = true;
  if (message.op === "stop") stopped = true;
  if (message.op === "judged") verdict?.resolve(message.outcome);
  if (message.op === "not-judged") verdict?.reject(errorOf(message.failure));
  changes.emit("change");
});

for (const refusal of standBack(parameters.niceness)) log.info(`The trainer stands back as far as it may: ${refusal}.`);
try {
  await new Campaign({ parameters, models: new ModelsFolder(parameters.models), clock: systemClock(), ports }).run();
} catch (thrown) {
  tell({ op: "failed", failure: failureOf(thrown) });
}
port.close();
