import type { Clock } from "../../core/clock.ts";
import type { SurpriseCalibration } from "../../core/surprise.ts";
import { InferenceEngine, type LoadedBundle, type LoadOptions } from "../../inference/inference-engine.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import type { PolicyEvent, SessionStart } from "../../messages/index.ts";
import { sessionStart } from "../session/session-start.ts";
import { LoggedStep, type ModelStep } from "./logged-step.ts";
import { type ModelSetup, makePolicyStep } from "./model-setup.ts";

/** Takes what models log, so that they can be run again. */
export interface ModelLog {
  onStart(start: SessionStart): void;
  onEvent(event: PolicyEvent): void;
}

export interface ActingModelOptions {
  readonly clock: Clock;
  readonly inference: InferenceParameters;
  readonly seed: number;
  readonly budgetShare: number;
  /** Of the bundle that the nodes were configured with; plans state surprise in its unit. */
  readonly surprise?: SurpriseCalibration;
  /** Whether a scene that the model does not know adds to its surprise. */
  readonly watchScene: boolean;
  readonly placements?: LoadOptions["placements"];
  readonly log: ModelLog;
}

/** A bundle in an inference thread of its own, and the belief and plans made with it. */
export class ActingModel {
  readonly bundle: LoadedBundle;
  readonly #engine: InferenceEngine;
  readonly #setup: ModelSetup;
  readonly #options: Pick<ActingModelOptions, "clock" | "log">;
  #step: LoggedStep;

  private constructor(engine: InferenceEngine, bundle: LoadedBundle, setup: ModelSetup, options: ActingModelOptions) {
    this.#engine = engine;
    this.bundle = bundle;
    this.#setup = setup;
    this.#options = options;
    this.#step = this.#newStep(setup);
  }

  /** Loads a bundle without disturbing the one that acts: in an engine, and so in a thread, of its own. @throws those of `InferenceEngine.load` */
  static async load(folder: string, options: ActingModelOptions): Promise<ActingModel> {
    const { clock, inference, seed, budgetShare, surprise, watchScene, placements } = options;
    const engine = await InferenceEngine.start({ clock, ...inference });
    try {
      const bundle = await engine.load(folder, placements === undefined ? {} : { placements });
      const { modelHash, reports } = bundle;
      const chosen = Object.fromEntries(reports.map(({ graph, placement }) => [graph, placement]));
      const setup = {
        modelHash,
        folder,
        seed,
        budgetShare,
        surpriseLimit: surprise?.surpriseLimit ?? null,
        ...(surprise?.surpriseWarn !== undefined && { surpriseWarn: surprise.surpriseWarn }),
        watchScene,
        placements: chosen,
        expectedNs: {},
      };
      return new ActingModel(engine, bundle, setup, options);
    } catch (thrown) {
      await engine.close();
      throw thrown;
    }
  }

  get folder(): string {
    return this.#setup.folder;
  }

  get step(): ModelStep {
    return this.#step;
  }

  /** Forgets the belief, and begins a log of its own: the next observation is the first one. */
  begin(): void {
    const setup = { ...this.#setup, expectedNs: { ...this.#step.expectedNs } };
    this.#step = this.#newStep(setup);
  }

  /** After the inference thread was lost: starts a new one, with a belief that begins anew. @throws those of `InferenceEngine.restart` */
  async revive(): Promise<void> {
    await this.#engine.restart();
    this.begin();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  #newStep(setup: ModelSetup): LoggedStep {
    const { clock, log } = this.#options;
    const { graphs } = this.bundle;
    let start: SessionStart | undefined = sessionStart("model", setup, clock);
    const { session } = start;
    const onEvent = (event: PolicyEvent) => {
      if (start) log.onStart(start);
      start = undefined;
      log.onEvent(event);
    };
    return new LoggedStep(session, clock, graphs, onEvent, (ofStep, own) =>
      makePolicyStep(this.bundle, setup, ofStep, own),
    );
  }
}
