import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Observation } from "../../core/observation.ts";
import type { Plan } from "../../core/plan.ts";
import type { Rng } from "../../core/rng.ts";
import { reconstructionError } from "../../learning/surprise/scene-watch.ts";
import { floats, type GraphPort, type ModelGraphs } from "./graph-port.ts";
import { type ComputedRung, type ExpectedNs, RungChoice } from "./rung-choice.ts";
import { SceneSum, type SceneWatch } from "./scene-sum.ts";
import { shiftPlan } from "./shift-plan.ts";

/** Mean of the normalised actions that were or will be executed between two instants of the monotonic clock. */
export type MeanAction = (fromNs: number, toNs: number, out: Float32Array) => void;

export interface PolicyStepOptions {
  readonly graphs: ModelGraphs;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly modelHash: string;
  readonly stepPeriodNs: number;
  readonly actionDimension: number;
  /** Share of the policy period that the whole step may take before the ladder steps down. */
  readonly budgetShare: number;
  /** Brings the model's surprise into the unit that the control loop's thresholds have; by default it is in it. */
  readonly translateSurprise?: (surprise: number) => number;
  /** Watches whether the scene is still the one that the model knows; needs `graphs.decode`. */
  readonly scene?: SceneWatch;
  /** How long each rung is expected to compute at first, where another step of this model measured it. */
  readonly expectedNs?: ExpectedNs;
}

/** The latent is rolled forward by at most this many policy steps: beyond it the observation is too old to act on. */
const MAX_IN_FLIGHT_STEPS = 2;

/**
 * A policy without a search gives one action, which is held for so many steps. How long the robot goes on without a new plan is for
 * the control node's `allowedMisses` to say; its default needs 5.
 */
const HELD_STEPS = 8;

const GRAPH_OF_RUNG = { mpc: "plan", "mpc-short": "plan_short", "policy-prior": "act" } as const;

/**
 * One step at the policy rate: encode → observe → plan, from the latent rolled forward by the measured delay.
 *
 * Owns the belief (the latent) and the warm start, from its first observation on: whoever wants to forget makes a new one.
 * The clock says how long things take; nothing else depends on it, so the same observations, executed actions, seeds and
 * times give the same plans.
 */
export class PolicyStep {
  readonly #options: PolicyStepOptions;
  readonly #rungs: RungChoice;
  readonly #latent: Float32Array;
  readonly #previousMean: Float32Array | undefined;
  readonly #executed: Float32Array;
  readonly #inFlight: Float32Array;
  readonly #scene: SceneSum | undefined;
  #lastCaptureNs = Number.NaN;
  #lastStartNs = Number.NaN;
  #nextPlanId = 1;

  constructor(options: PolicyStepOptions) {
    this.#options = options;
    const { graphs, actionDimension } = options;
    const rungs = (Object.keys(GRAPH_OF_RUNG) as ComputedRung[]).filter((rung) => graphs[GRAPH_OF_RUNG[rung]]);
    this.#rungs = new RungChoice(rungs, options.expectedNs);
    this.#latent = new Float32Array(graphs.observe.outputs.latent_out!.length);
    const mean = graphs.plan?.inputs.previous_mean;
    this.#previousMean = mean && new Float32Array(mean.length);
    this.#executed = new Float32Array(actionDimension);
    this.#inFlight = new Float32Array(actionDimension);
    this.#scene = options.scene && graphs.decode && new SceneSum(options.scene);
  }

  get expectedNs(): ExpectedNs {
    return this.#rungs.expectedNs;
  }

  /** Goes on from a plan that another model made: the next search starts from it and the next plan has the next number. */
  continueFrom({ id, actions, startNs }: Pick<Plan, "id" | "actions" | "startNs">): void {
    this.#previousMean?.fill(0).set(actions.subarray(0, this.#previousMean.length));
    this.#lastStartNs = startNs;
    this.#nextPlanId = id + 1;
  }

  /**
   * The plan, or undefined when it took more than a whole policy period: the next step then plans less.
   *
   * @param captureNs when the observation was captured, monotonic clock
   * @param meanAction executed actions up to now and decided ones after now
   * @throws ERR_GRAPH_OUTPUT for a belief or a plan that is not finite, and those of the graphs
   */
  async run(observation: Observation, captureNs: number, meanAction: MeanAction): Promise<Plan | undefined> {
    const { graphs, clock, rng, stepPeriodNs, budgetShare } = this.#options;
    const beganNs = clock.monotonicNs();
    const deadlineNs = beganNs + stepPeriodNs;

    const surprise = await this.believe(observation, captureNs, meanAction);

    const observedNs = clock.monotonicNs();
    const rung = this.#rungs.choose(budgetShare * stepPeriodNs - (observedNs - beganNs));
    const graph = graphs[GRAPH_OF_RUNG[rung]]!;
    const startNs = observedNs + this.#rungs.expectedNs[rung]!;
    const fraction = Math.min(Math.max((startNs - captureNs) / stepPeriodNs, 0), MAX_IN_FLIGHT_STEPS);
    meanAction(captureNs, startNs, this.#inFlight);

    floats(graph.inputs, "latent").set(this.#latent);
    rng.fillNormal(floats(graph.inputs, "noise"));
    if (rung !== "policy-prior") this.#fillPlanInputs(graph, startNs, fraction);
    const { status } = await graph.run(deadlineNs);
    this.#rungs.record(rung, clock.monotonicNs() - observedNs);
    if (status === "late") return undefined;

    const actions =
      rung === "policy-prior" ? held(floats(graph.outputs, "action")) : floats(graph.outputs, "actions").slice();
    requireFinite(actions, "plan");
    if (rung !== "policy-prior") this.#previousMean!.set(actions);
    this.#lastStartNs = startNs;
    return {
      id: this.#nextPlanId++,
      actions,
      horizon: actions.length / this.#options.actionDimension,
      actionDimension: this.#options.actionDimension,
      startNs,
      stepPeriodNs,
      observationStampNs: observation.stampNs,
      observationArrivalNs: observation.arrivalNs,
      modelHash: this.#options.modelHash,
      rung,
      value: graph.outputs.value === undefined ? Number.NaN : floats(graph.outputs, "value")[0]!,
      surprise,
      delayNs: startNs - captureNs,
      computeNs: clock.monotonicNs() - beganNs,
    };
  }

  /**
   * Takes an observation into the belief and says how surprising it was. `run` begins with it.
   *
   * @throws ERR_GRAPH_OUTPUT for a belief that is not finite: it is forgotten, and the next observation is the first one
   */
  async believe(observation: Observation, captureNs: number, meanAction: MeanAction): Promise<number> {
    const { encode, observe } = this.#options.graphs;
    for (const [camera, image] of Object.entries(observation.images)) {
      (encode.inputs[`image_${camera}`] as Uint8Array).set(image.data);
    }
    floats(encode.inputs, "proprioception").set(observation.proprioception);
    await encode.run();

    const isFirst = Number.isNaN(this.#lastCaptureNs);
    if (isFirst) this.#executed.fill(0);
    else meanAction(this.#lastCaptureNs, captureNs, this.#executed);
    floats(observe.inputs, "latent").set(this.#latent);
    floats(observe.inputs, "action").set(this.#executed);
    floats(observe.inputs, "embedding").set(floats(encode.outputs, "embedding"));
    floats(observe.inputs, "is_first").fill(isFirst ? 1 : 0);
    if (observe.inputs.noise) this.#options.rng.fillNormal(floats(observe.inputs, "noise"));
    await observe.run();
    const latent = floats(observe.outputs, "latent_out");
    this.#lastCaptureNs = Number.NaN;
    requireFinite(latent, "belief");
    this.#latent.set(latent);
    this.#lastCaptureNs = captureNs;
    if (isFirst) return 0;
    const surprise = floats(observe.outputs, "surprise")[0]!;
    return Math.max(this.#options.translateSurprise?.(surprise) ?? surprise, this.#scene?.surprise ?? 0);
  }

  get watchesScene(): boolean {
    return this.#scene !== undefined;
  }

  /**
   * Holds the images against what the model makes of them, for the surprise of the next step: a scene that stays strange, as
   * after a camera was moved, is more and more surprising. For when the plan is out; does nothing where no scene is watched.
   */
  async reflect({ images }: Pick<Observation, "images">): Promise<void> {
    const { decode } = this.#options.graphs;
    if (!this.#scene || !decode) return;
    floats(decode.inputs, "latent").fill(0).set(this.#latent);
    await decode.run();
    const errors = Object.entries(images).map(([camera, { data }]) =>
      reconstructionError(data, decode.outputs[`image_${camera}`] as Uint8Array),
    );
    this.#scene.add(Math.max(...errors));
  }

  #fillPlanInputs(graph: GraphPort, startNs: number, fraction: number): void {
    const { stepPeriodNs, actionDimension } = this.#options;
    const passed = Number.isNaN(this.#lastStartNs) ? 0 : Math.max(0, (startNs - this.#lastStartNs) / stepPeriodNs);
    floats(graph.inputs, "in_flight_action").set(this.#inFlight);
    floats(graph.inputs, "in_flight_fraction").fill(fraction);
    shiftPlan(this.#previousMean!, actionDimension, passed, floats(graph.inputs, "previous_mean"));
  }
}

/** Shapes: action [1, A] → [H, A] */
function held(action: Float32Array): Float32Array {
  const actions = new Float32Array(HELD_STEPS * action.length);
  for (let k = 0; k < HELD_STEPS; k++) actions.set(action, k * action.length);
  return actions;
}

function requireFinite(values: Float32Array, what: "belief" | "plan"): void {
  const value = values.find((value) => !Number.isFinite(value));
  if (value === undefined) return;
  throw new LatentloopError("ERR_GRAPH_OUTPUT", `Expected a finite ${what} of the model but it holds ${value}.`, {
    remedy: "Check the model with `latentloop models verify`, or run it with `inference: { provider: cpu }`.",
  });
}
