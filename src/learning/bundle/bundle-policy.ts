import type { Rng } from "../../core/rng.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Policy, PolicyInput } from "../policy.ts";
import { LocalGraph } from "./local-graph.ts";

/** Compute times of a policy in milliseconds, one per step. */
export interface PolicyTimes {
  readonly observeMs: number[];
  readonly planMs: number[];
}

/**
 * Acts by a bundle's own graphs, fed as docs/models.md says: encode → observe → plan, or act where nothing plans.
 *
 * Evaluation and on-policy collection run what is exported, so that what is measured is what will drive the robot.
 */
export class BundlePolicy implements Policy {
  readonly times: PolicyTimes = { observeMs: [], planMs: [] };
  readonly #encode: LocalGraph;
  readonly #observe: LocalGraph;
  readonly #plan: LocalGraph;
  readonly #previousMean: Float32Array | undefined;
  #rng: Rng;
  #surprise = 0;

  private constructor(encode: LocalGraph, observe: LocalGraph, plan: LocalGraph, rng: Rng) {
    this.#encode = encode;
    this.#observe = observe;
    this.#plan = plan;
    this.#rng = rng;
    this.#previousMean = plan.inputs.previous_mean as Float32Array | undefined;
  }

  /**
   * @param onnx the graphs' bytes by their names in docs/models.md
   * @param planName which graph to act by: by default `plan`, or `act` if there is no plan
   */
  static async open(
    onnx: ReadonlyMap<string, Uint8Array>,
    rng: Rng,
    {
      planName = onnx.has("plan") ? "plan" : "act",
      session = {},
    }: { planName?: string; session?: SessionOptions } = {},
  ): Promise<BundlePolicy> {
    const open = (name: string) => LocalGraph.open(onnx.get(name)!, session);
    return new BundlePolicy(await open("encode"), await open("observe"), await open(planName), rng);
  }

  /** What the model made of the newest observation. */
  get surprise(): number {
    return this.#surprise;
  }

  /** What the model believes after the newest observation; valid until the next one. */
  get borrowLatent(): Float32Array {
    return this.#observe.inputs.latent as Float32Array;
  }

  /** Forgets what it believes and planned, and draws its noise from another generator. */
  begin(rng: Rng): void {
    this.#rng = rng;
    (this.#observe.inputs.latent as Float32Array).fill(0);
    this.#previousMean?.fill(0);
  }

  /** Takes on what another policy of the same networks believes and planned, and draws on from its generator. */
  goOnFrom(other: BundlePolicy): void {
    this.#rng = other.#rng;
    (this.#observe.inputs.latent as Float32Array).set(other.borrowLatent);
    if (other.#previousMean) this.#previousMean?.set(other.#previousMean);
  }

  async act({ images, proprioception, executed, inFlight, inFlightFraction, isFirst }: PolicyInput, out: Float32Array) {
    const beganMs = performance.now();
    for (const [camera, image] of Object.entries(images)) {
      (this.#encode.inputs[`image_${camera}`] as Uint8Array).set(image);
    }
    (this.#encode.inputs.proprioception as Float32Array | undefined)?.set(proprioception);
    const { embedding } = await this.#encode.run();
    (this.#observe.inputs.action as Float32Array).set(executed);
    (this.#observe.inputs.embedding as Float32Array).set(embedding as Float32Array);
    (this.#observe.inputs.is_first as Float32Array)[0] = isFirst ? 1 : 0;
    if (this.#observe.inputs.noise) this.#rng.fillNormal(this.#observe.inputs.noise as Float32Array);
    const { latent_out, surprise } = await this.#observe.run();
    (this.#observe.inputs.latent as Float32Array).set(latent_out as Float32Array);
    this.#surprise = Number(surprise![0]);
    const observedMs = performance.now();

    (this.#plan.inputs.latent as Float32Array).set(latent_out as Float32Array);
    this.#rng.fillNormal(this.#plan.inputs.noise as Float32Array);
    if (this.#previousMean) await this.#followPlan(inFlight, inFlightFraction, isFirst, out);
    else out.set((await this.#plan.run()).action as Float32Array);
    this.times.observeMs.push(observedMs - beganMs);
    this.times.planMs.push(performance.now() - observedMs);
  }

  /** Plays the first step of a new plan and keeps the rest of it as the next one's start. */
  async #followPlan(inFlight: Float32Array, fraction: number, isFirst: boolean, out: Float32Array): Promise<void> {
    const previousMean = this.#previousMean!;
    (this.#plan.inputs.in_flight_action as Float32Array).set(inFlight);
    (this.#plan.inputs.in_flight_fraction as Float32Array)[0] = fraction;
    if (isFirst) previousMean.fill(0);
    const actions = (await this.#plan.run()).actions as Float32Array;
    out.set(actions.subarray(0, out.length));
    previousMean.set(actions.subarray(out.length));
    previousMean.fill(0, actions.length - out.length);
  }

  async close(): Promise<void> {
    await Promise.all([this.#encode.close(), this.#observe.close(), this.#plan.close()]);
  }
}
