import { Worker } from "node:worker_threads";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { errorOf, failureOf } from "../host/host-protocol.ts";
import type { Submission } from "./campaign.ts";
import type { CampaignStatus } from "./progress-report.ts";
import type { FromJudging, FromTraining, JudgingData, ToTraining } from "./thread-protocol.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";

export interface TrainingWorkerOptions {
  readonly parameters: TrainerParameters;
  readonly log: Logger;
  readonly onStatus: (status: CampaignStatus) => void;
  /** The thread ended unasked: out of memory, or by an error that nobody caught. */
  readonly onLost: (error: LatentloopError) => void;
}

/** The training thread with its memory bounded, and a judging thread for each candidate. */
export class TrainingWorker {
  readonly #options: TrainingWorkerOptions;
  readonly #training: Worker;
  readonly #ended: Promise<unknown>;
  #judging: Worker | undefined;
  #stopping = false;

  constructor(options: TrainingWorkerOptions) {
    this.#options = options;
    this.#training = this.#start("training-thread.js", options.parameters);
    this.#ended = new Promise((resolve) => this.#training.once("exit", resolve)); // `events.once` would reject on its error
    let failure: LatentloopError | undefined;
    this.#training.on("message", (message: FromTraining) => {
      if (message.op === "failed") failure = errorOf(message.failure);
      else this.#receive(message);
    });
    this.#training.on("error", (thrown) => (failure = lost(thrown)));
    this.#training.on("exit", () => {
      if (!this.#stopping) options.onLost(failure ?? lost("it exited"));
    });
  }

  rest(rest: boolean): void {
    this.#tell({ op: "rest", rest });
  }

  trainNow(): void {
    this.#tell({ op: "train-now" });
  }

  /** Puts the run on the disk and ends the threads. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#judging?.postMessage("stop");
    this.#tell({ op: "stop" });
    await this.#ended;
  }

  #receive(message: Exclude<FromTraining, { op: "failed" }>): void {
    if (message.op === "status") this.#options.onStatus(message.status);
    else if (message.op === "log") this.#options.log[message.level](message.message, message.values);
    else void this.#judge(message.submission);
  }

  async #judge(submission: Submission): Promise<void> {
    const data: JudgingData = { parameters: this.#options.parameters, submission };
    const judging = this.#start("judging-thread.js", data);
    this.#judging = judging;
    let answer: FromJudging = { op: "not-judged", failure: failureOf(lost("it exited")) };
    judging.on("message", (message: FromJudging) => (answer = message));
    judging.on("error", (thrown) => (answer = { op: "not-judged", failure: failureOf(lost(thrown)) }));
    await new Promise((resolve) => judging.once("exit", resolve));
    this.#judging = undefined;
    this.#tell(answer);
  }

  #start(program: string, workerData: unknown): Worker {
    return new Worker(new URL(program, import.meta.url), {
      name: program,
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.parameters.heapMegabytes },
    });
  }

  #tell(message: ToTraining): void {
    this.#training.postMessage(message);
  }
}

function lost(cause: unknown): LatentloopError {
  return new LatentloopError("ERR_TRAINER", `A thread of the trainer ended by itself: ${messageOf(cause)}.`, { cause });
}
