import type { Clock } from "../../core/clock.ts";
import type { Observation } from "../../core/observation.ts";
import type { Plan } from "../../core/plan.ts";
import { makeHeader, POLICY_EVENT, type PolicyEvent, planToMessage, timeFromNs } from "../../messages/index.ts";
import { checksumOf, checksumOfEvent } from "../session/checksum.ts";
import { floats, type ModelGraphs } from "./graph-port.ts";
import type { MeanAction, PolicyStep } from "./policy-step.ts";
import { type StepTape, TapeRecorder } from "./step-tape.ts";

/** What the policy loop asks of a model's step. */
export interface ModelStep extends Pick<PolicyStep, "believe" | "run" | "reflect"> {
  continueFrom(plan: Plan): void;
}

/** Takes the events of one model, in order. */
export type PolicyLog = (event: PolicyEvent) => void;

/** A policy step that logs each thing it does with all that it took from outside, once its plan is on its way. */
export class LoggedStep implements ModelStep {
  readonly #step: PolicyStep;
  readonly #clock: Clock;
  readonly #recorder: TapeRecorder;
  readonly #session: bigint;
  readonly #log: PolicyLog;
  readonly #latent: Float32Array;
  #number = 0;

  constructor(
    session: bigint,
    clock: Clock,
    graphs: ModelGraphs,
    log: PolicyLog,
    makeStep: (clock: Clock, graphs: ModelGraphs) => PolicyStep,
  ) {
    this.#session = session;
    this.#clock = clock;
    this.#log = log;
    this.#recorder = new TapeRecorder(clock, graphs);
    this.#latent = floats(graphs.observe.outputs, "latent_out");
    this.#step = makeStep(this.#recorder.clock, this.#recorder.graphs);
  }

  get expectedNs(): PolicyStep["expectedNs"] {
    return this.#step.expectedNs;
  }

  continueFrom(plan: Plan): void {
    this.#step.continueFrom(plan);
    this.#write("continue", undefined, Number.NaN, [plan], 0);
  }

  async believe(observation: Observation, captureNs: number, meanAction: MeanAction): Promise<number> {
    let latent = 0;
    try {
      const surprise = await this.#step.believe(observation, captureNs, this.#recorder.listen(meanAction));
      latent = checksumOf(this.#latent);
      return surprise;
    } finally {
      this.#write("believe", observation, captureNs, [], latent);
    }
  }

  async run(observation: Observation, captureNs: number, meanAction: MeanAction): Promise<Plan | undefined> {
    let latent = 0;
    let plan: Plan | undefined;
    try {
      plan = await this.#step.run(observation, captureNs, this.#recorder.listen(meanAction));
      latent = checksumOf(this.#latent);
      return plan;
    } finally {
      this.#write("plan", observation, captureNs, plan ? [plan] : [], latent);
    }
  }

  async reflect(observation: Observation): Promise<void> {
    if (!this.#step.watchesScene) return;
    try {
      await this.#step.reflect(observation);
    } finally {
      this.#write("reflect", observation, Number.NaN, [], 0);
    }
  }

  #write(
    kind: keyof typeof POLICY_EVENT,
    observation: Observation | undefined,
    captureNs: number,
    plans: readonly Plan[],
    latentChecksum: number,
  ): void {
    const number = this.#number++;
    const tape = this.#recorder.take();
    // The plan goes first: whoever waits for this step runs before.
    setImmediate(() => {
      const event = {
        ...inputsOf(observation, tape),
        session: this.#session,
        number,
        kind: POLICY_EVENT[kind],
        capture_ns: captureNs,
        latent_checksum: latentChecksum,
        plan: plans.map((plan) => planToMessage(plan, this.#clock)),
      };
      this.#log({ ...event, checksum: checksumOfEvent(event) });
    });
  }
}

function inputsOf(observation: Observation | undefined, tape: StepTape) {
  const images = Object.entries(observation?.images ?? {});
  return {
    header: makeHeader(observation?.stampNs ?? 0n),
    cameras: images.map(([camera]) => camera),
    image_stamps: images.map(([, { stampNs }]) => timeFromNs(stampNs)),
    image_checksums: images.map(([, { data }]) => checksumOf(data)),
    proprioception: observation?.proprioception ?? [],
    arrival_ns: observation?.arrivalNs ?? Number.NaN,
    clock_ns: tape.clockNs,
    mean_actions: tape.meanActions,
    graph_runs: tape.graphRuns,
  };
}
