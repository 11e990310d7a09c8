import {
  adam,
  add,
  at,
  concat,
  type Gaussian,
  gaussian,
  globalNorm,
  mean,
  mul,
  reshape,
  type Schedule,
  type StepDefinition,
  type Sym,
  slice,
  square,
  stack,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import { buildVaeAgent, type VaeAgentConfig, type VaeAgentModel } from "../../world-models/vae-agent.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { reconstructionLoss } from "../losses/reconstruction-loss.ts";
import { pickFrames, type SegmentBatch, segmentFields } from "../losses/segment-fields.ts";
import type { VaeAgentLearning } from "./recipe.ts";

export interface VaeAgentLosses {
  readonly total: Sym;
  readonly reconstruction: Sym;
  /** Divergence of the codes from the prior. */
  readonly divergence: Sym;
  /** Of the reward read off what was seen. */
  readonly seenReward: Sym;
  /** Of the embeddings and rewards of an imagined rollout. */
  readonly consistency: Sym;
  readonly imaginedReward: Sym;
}

export interface VaeAgentUpdateOptions {
  readonly spaces: ModelSpaces;
  readonly network: VaeAgentConfig;
  readonly learning: VaeAgentLearning;
  readonly learningRate: Schedule;
}

/** One update of the VAE agent: autoencoder, dynamics and reward together. */
export function vaeAgentUpdate({ spaces, network, learning, learningRate }: VaeAgentUpdateOptions): StepDefinition {
  return {
    name: "vae-agent",
    define(step) {
      const model = buildVaeAgent(step.parameters, spaces, network);
      const noise = step.noise("codeNoise", [learning.painted, network.code]);
      const { total, ...parts } = vaeAgentLosses(model, segmentFields(step, spaces, learning), noise, learning);
      step.metric("loss", total);
      for (const [name, value] of Object.entries(parts)) step.metric(name, value);
      step.minimize("model", total, {
        groups: { model: { learningRate } },
        optimizer: adam(),
        clip: globalNorm(learning.gradientNorm),
      });
    },
  };
}

/**
 * The evidence lower bound of the segments' second frames, the reward read off their codes, and the errors of a rollout imagined
 * from the first frames. Codes are targets of the dynamics and not taught by them: no gradient leads from a rollout to the encoder.
 *
 * Shapes: noise [painted, code]
 */
export function vaeAgentLosses(
  model: VaeAgentModel,
  data: SegmentBatch,
  noise: Sym,
  { beta, boundWeight, rewardWeight, rewardGradient, consistencyWeight, salience }: VaeAgentLearning,
): VaeAgentLosses {
  const { actions, rewards } = data;
  const [horizon, batch] = actions.shape as [number, number];
  const frame = (t: number) => pickFrames(data, (frames) => at(frames, t));
  const shown = frame(1);
  const posterior = model.posterior(shown.images);
  const some = (x: Sym) => slice(x, 0, 0, noise.extent(0));
  const drawn = gaussian(some(posterior.mean), some(posterior.deviation)).sample(noise);
  const reconstruction = reconstructionLoss(model.paint(drawn), pickFrames(shown, some).images, salience);
  const divergence = mean(posterior.kl(standardNormal(posterior.mean)));

  const code = rewardGradient ? posterior.mean : stopGradient(posterior.mean);
  const seen = shown.proprioception ? concat([code, shown.proprioception]) : code;
  const seenReward = squaredError(model.rewardOf(seen), reshape(at(rewards, 0), [batch, 1]));

  const observed = Array.from({ length: horizon + 1 }, (_, t) => {
    if (t === 1) return stopGradient(seen);
    const { images, proprioception } = frame(t);
    return stopGradient(model.encode(images, proprioception));
  });
  let latent = model.begin(observed[0]!);
  const imagined: Sym[] = [];
  for (let t = 0; t < horizon; t++) {
    latent = model.next(latent, at(actions, t), undefined);
    imagined.push(slice(latent, 1, 0, model.embeddingSize));
  }
  const consistency = squaredError(stack(imagined), stack(observed.slice(1)));
  const imaginedReward = squaredError(model.rewardOf(concat(imagined, 0)), reshape(rewards, [horizon * batch, 1]));

  const bound = add(reconstruction, mul(divergence, beta));
  const taught = add(mul(bound, boundWeight), mul(add(seenReward, imaginedReward), rewardWeight));
  const total = add(taught, mul(consistency, consistencyWeight));
  return { total, reconstruction, divergence, seenReward, consistency, imaginedReward };
}

function squaredError(predicted: Sym, wanted: Sym): Sym {
  return mean(square(sub(predicted, wanted)));
}

function standardNormal(like: Sym): Gaussian {
  const { graph, shape } = like;
  const size = shape.at(-1)!;
  return gaussian(
    graph.constant(new Float32Array(size), [size]),
    graph.constant(new Float32Array(size).fill(1), [size]),
  );
}
