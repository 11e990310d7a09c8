import { normalizeAction } from "../../core/action.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Rung } from "../../core/plan.ts";
import type { Rng } from "../../core/rng.ts";
import type { SimulatedEnvironment } from "../../sim/environment.ts";
import { randomPolicy } from "../../sim/random-policy.ts";

/** What a policy may look at when it chooses: the simulated world, and what is measured of its robot. */
export interface PolicyView {
  readonly environment: SimulatedEnvironment;
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  /** Mean normalised action since the last choice, after the gate. */
  readonly executed: Float32Array;
  /** The first choice of an episode. */
  readonly isFirst: boolean;
}

/** Chooses actions in simulated time. */
export interface CollectingPolicy {
  readonly rateHz: number;
  readonly modelHash: string;
  readonly rung: Rung;
  /** Before an episode: the generator is the episode's own. */
  begin(rng: Rng): void;
  /** Writes a normalised action [A]. */
  act(view: PolicyView, out: Float32Array): void | Promise<void>;
  close(): Promise<void>;
}

const PLAIN = { modelHash: "", rung: "policy-prior", close: async () => {} } as const;

/** Random motions that hold for a few steps. */
export function randomCollectingPolicy({ actionSpace, controlRateHz }: SimulatedEnvironment): CollectingPolicy {
  let draw: ReturnType<typeof randomPolicy> | undefined;
  return {
    ...PLAIN,
    rateHz: controlRateHz,
    begin(rng) {
      draw = randomPolicy(rng, actionSpace.dimensions.length);
    },
    act: (_view, out) => draw?.(out),
  };
}

/**
 * The task's own controller, which knows where everything is.
 * @throws ERR_UNKNOWN_POLICY if the task has none
 */
export function scriptedCollectingPolicy(environment: SimulatedEnvironment): CollectingPolicy {
  const { actionSpace, controlRateHz, task } = environment;
  if (!environment.hasScript) {
    throw new LatentloopError("ERR_UNKNOWN_POLICY", `Expected a task with a script but ${task} has none.`, {
      remedy: "Tasks with a script: reach, arm-reach, arm-push. Or use --policy random.",
    });
  }
  const velocities = new Float64Array(actionSpace.dimensions.length);
  const wanted = new Float32Array(velocities.length);
  return {
    ...PLAIN,
    rateHz: controlRateHz,
    begin: () => {},
    act(_view, out) {
      environment.scriptInto(velocities);
      wanted.set(velocities);
      normalizeAction(actionSpace, wanted, out);
      for (let i = 0; i < out.length; i++) out[i] = Math.min(1, Math.max(-1, out[i]!));
    },
  };
}
