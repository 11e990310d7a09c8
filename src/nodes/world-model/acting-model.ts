import type { Clock } from "../../core/clock.ts";
import { Rng } from "../../core/rng.ts";
import { InferenceEngine, type LoadedBundle, type LoadOptions } from "../../inference/inference-engine.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import { PolicyStep } from "./policy-step.ts";

/** A bundle in an inference thread of its own, and the belief and plans made with it. */
export interface ActingModel {
  readonly bundle: LoadedBundle;
  readonly step: PolicyStep;
  close(): Promise<void>;
}

export interface ActingModelOptions {
  readonly clock: Clock;
  readonly inference: InferenceParameters;
  readonly seed: number;
  readonly budgetShare: number;
  /** Surprise limit of the bundle that the nodes were configured with; plans state surprise in its unit. */
  readonly surpriseLimit?: number | null;
  readonly placements?: LoadOptions["placements"];
}

/** Loads a bundle without disturbing the one that acts: in an engine, and so in a thread, of its own. @throws those of `InferenceEngine.load` */
export async function loadActingModel(folder: string, options: ActingModelOptions): Promise<ActingModel> {
  const { clock, inference, seed, budgetShare, surpriseLimit, placements } = options;
  const engine = await InferenceEngine.start({ clock, ...inference });
  try {
    const bundle = await engine.load(folder, placements === undefined ? {} : { placements });
    const { manifest, modelHash, graphs } = bundle;
    const own = manifest.surpriseLimit;
    const step = new PolicyStep({
      graphs,
      clock,
      rng: new Rng(seed),
      modelHash,
      stepPeriodNs: 1e9 / manifest.policyRateHz,
      actionDimension: manifest.action.dimensions.length,
      budgetShare,
      surpriseScale: own !== null && surpriseLimit ? surpriseLimit / own : 1,
    });
    return { bundle, step, close: () => engine.close() };
  } catch (thrown) {
    await engine.close();
    throw thrown;
  }
}
