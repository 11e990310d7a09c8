import { LatentloopError } from "../../core/errors.ts";
import type { Observation } from "../../core/observation.ts";
import type { Plan } from "../../core/plan.ts";
import type { LoadedBundle } from "../../inference/inference-engine.ts";
import {
  deserializeMessage,
  nsFromTime,
  type PlanMessage,
  POLICY_EVENT,
  type PolicyEvent,
  planFromMessage,
  planToMessage,
  serializeMessage,
} from "../../messages/index.ts";
import { floats } from "../world-model/graph-port.ts";
import { type ModelSetup, makePolicyStep } from "../world-model/model-setup.ts";
import type { PolicyStep } from "../world-model/policy-step.ts";
import { TapePlayer } from "../world-model/step-tape.ts";
import { checksumOf } from "./checksum.ts";
import type { FoundImage } from "./image-finder.ts";

/** What an event led to; the latent's checksum is 0 where a graph had failed, or none ran. */
export interface PolicyOutcome {
  readonly latentChecksum: number;
  readonly plan: readonly PlanMessage[];
  /** Values that the step took when it was recorded and did not take now. */
  readonly untaken: number;
}

/** How a step can fail: as it did when it was recorded, or its outcome is another. */
const FAILURES: ReadonlySet<string> = new Set(["ERR_INFERENCE_FAILED", "ERR_GRAPH_OUTPUT"]);
const PLAN = "latentloop_msgs/msg/Plan";
const LOGGED_CLOCK = { rosNs: () => 0n, monotonicNs: () => 0 };

/** The world-model node's own policy step, fed from its log. */
export class ModelReplay {
  readonly #step: PolicyStep;
  readonly #player: TapePlayer;
  readonly #latent: Float32Array;

  constructor(bundle: Pick<LoadedBundle, "manifest" | "modelHash" | "graphs">, setup: ModelSetup) {
    this.#player = new TapePlayer(bundle.graphs);
    this.#latent = floats(bundle.graphs.observe.outputs, "latent_out");
    this.#step = makePolicyStep(bundle, setup, this.#player.clock, this.#player.graphs);
  }

  /** @throws ERR_SESSION_LOG when the step takes more than was recorded */
  async run(event: PolicyEvent, images: readonly FoundImage[]): Promise<PolicyOutcome> {
    const { kind, clock_ns, mean_actions, graph_runs, capture_ns } = event;
    this.#player.insert({
      clockNs: Array.from(clock_ns),
      meanActions: Array.from(mean_actions),
      graphRuns: Array.from(graph_runs),
    });
    let latentChecksum = 0;
    const plan: PlanMessage[] = [];
    try {
      if (kind === POLICY_EVENT.continue) {
        const [from] = event.plan;
        if (!from) throw new LatentloopError("ERR_SESSION_LOG", "Expected the plan that a model goes on from.");
        this.#step.continueFrom(planFromMessage(from));
        plan.push(from);
      } else if (kind === POLICY_EVENT.reflect) {
        await this.#step.reflect(observationOf(event, images));
      } else {
        const observation = observationOf(event, images);
        if (kind === POLICY_EVENT.believe) await this.#step.believe(observation, capture_ns, this.#player.meanAction);
        else {
          const made = await this.#step.run(observation, capture_ns, this.#player.meanAction);
          if (made) plan.push(asPublished(made));
        }
        latentChecksum = checksumOf(this.#latent);
      }
    } catch (thrown) {
      if (!(thrown instanceof LatentloopError && FAILURES.has(thrown.code))) throw thrown;
    }
    return { latentChecksum, plan, untaken: this.#player.left };
  }
}

/** A message's numbers are as wide as its definition says, and so may be narrower than ours. */
function asPublished(plan: Plan): PlanMessage {
  return deserializeMessage(PLAN, serializeMessage(PLAN, planToMessage(plan, LOGGED_CLOCK)));
}

function observationOf(event: PolicyEvent, images: readonly FoundImage[]): Observation {
  const { cameras, image_stamps, proprioception, header, arrival_ns } = event;
  const named = images.map(({ width, height, data }, i) => {
    const image = { width, height, data, stampNs: nsFromTime(image_stamps[i]!), arrivalNs: arrival_ns };
    return [cameras[i]!, image] as const;
  });
  return {
    images: Object.fromEntries(named),
    proprioception: Float32Array.from(proprioception),
    stampNs: nsFromTime(header.stamp),
    arrivalNs: arrival_ns,
  };
}
