import type { Shape } from "../../core/tensor.ts";
import {
  adam,
  add,
  at,
  concat,
  globalNorm,
  mean,
  mul,
  reshape,
  type Schedule,
  type Step,
  type StepDefinition,
  type Sym,
  slice,
  square,
  sub,
} from "../../graph/index.ts";
import { buildKeypointModel, type KeypointConfig, type KeypointModel } from "../../world-models/keypoint.ts";
import type { ImageSyms, ModelSpaces } from "../../world-models/world-model.ts";
import { reconstructionLoss } from "../losses/reconstruction-loss.ts";

/** Weight of the latents' error beside the rewards': latents lie in [-1, 1], rewards in metres times ten. */
const CONSISTENCY_SCALE = 20;
const MAX_GRADIENT_NORM = 10;

/** Mean squared error of the reward predicted from single frames. Shapes: predicted [B, 1], reward [B] */
export function rewardLoss(predicted: Sym, reward: Sym): Sym {
  return mean(square(sub(predicted, reshape(reward, predicted.shape))));
}

export interface DynamicsLosses {
  readonly total: Sym;
  readonly consistency: Sym;
  readonly reward: Sym;
}

/**
 * Errors of an imagined rollout against what was encoded: of every latent, and of the reward read off it.
 *
 * Shapes: latents [H + 1, B, L], actions [H, B, A], rewards [H, B] on arriving
 * Source: Hansen et al. 2022, arXiv:2203.04955, eq. 8 and 9. Differs: all steps count alike, and the targets are latents of a
 * trained encoder that stays as it is, so no target network is needed.
 */
export function dynamicsLosses(model: KeypointModel, latents: Sym, actions: Sym, rewards: Sym): DynamicsLosses {
  const [horizon, batch] = actions.shape as [number, number];
  const imagined: Sym[] = [];
  let latent = at(latents, 0);
  for (let t = 0; t < horizon; t++) {
    latent = model.next(latent, at(actions, t), undefined);
    imagined.push(latent);
  }
  const predicted = concat(imagined, 0); // [H·B, L], step by step
  const targets = reshape(slice(latents, 0, 1), [horizon * batch, model.latentSize]);
  const consistency = mean(square(sub(predicted, targets)));
  const reward = rewardLoss(model.rewardOf(predicted), reshape(rewards, [horizon * batch]));
  return { total: add(mul(consistency, CONSISTENCY_SCALE), reward), consistency, reward };
}

/** Weight of a pixel that differs from the batch's mean image by all of its range, beside one that never changes. */
const SALIENCE = 20;

export interface KeypointStepOptions {
  readonly spaces: ModelSpaces;
  readonly config: KeypointConfig;
  readonly batch: Readonly<Record<KeypointPhase, number>>;
  /** Steps that the dynamics are unrolled for. */
  readonly horizon: number;
  readonly learningRate: Schedule;
}

export type KeypointSteps = Readonly<Record<KeypointPhase, StepDefinition>>;

/**
 * The three updates, in the order they are made: the encoder learns what the reward hangs on, the dynamics learn to predict the
 * encoder's latents, the decoder learns to paint them.
 *
 * Reconstruction is no training signal for the encoder: the few pixels of a target hardly move it.
 */
export function keypointSteps(options: KeypointStepOptions): KeypointSteps {
  const { spaces, config, batch, horizon, learningRate } = options;
  const begin = (step: Step) => ({
    model: buildKeypointModel(step.parameters, spaces, config),
    minimize: (loss: Sym): void => {
      step.metric("loss", loss);
      step.minimize("model", loss, {
        groups: { model: { learningRate } },
        optimizer: adam(),
        clip: globalNorm(MAX_GRADIENT_NORM),
      });
    },
  });
  const latentSize = config.embedding + spaces.proprioceptionSize;
  return {
    representation: {
      name: "representation",
      define(step) {
        const { model, minimize } = begin(step);
        const latent = model.encode(
          imageFields(step, spaces, batch.representation),
          step.field("proprioception", [batch.representation, spaces.proprioceptionSize]),
        );
        minimize(rewardLoss(model.rewardOf(latent), step.field("rewards", [batch.representation])));
      },
    },
    dynamics: {
      name: "dynamics",
      define(step) {
        const { model, minimize } = begin(step);
        const losses = dynamicsLosses(
          model,
          step.field("latents", [horizon + 1, batch.dynamics, latentSize]),
          step.field("actions", [horizon, batch.dynamics, spaces.actionSize]),
          step.field("rewards", [horizon, batch.dynamics]),
        );
        minimize(losses.total);
        step.metric("consistency", losses.consistency);
        step.metric("reward", losses.reward);
      },
    },
    decoder: {
      name: "decoder",
      define(step) {
        const { model, minimize } = begin(step);
        const painted = model.decodeLevels(step.field("latents", [batch.decoder, latentSize]));
        minimize(reconstructionLoss(painted, imageFields(step, spaces, batch.decoder), SALIENCE));
      },
    },
  };
}

export type KeypointPhase = "representation" | "dynamics" | "decoder";

function imageFields(step: Step, { cameras }: ModelSpaces, batch: number): ImageSyms {
  const shapeOf = (width: number, height: number): Shape => [batch, height, width, 3];
  return Object.fromEntries(
    cameras.map(({ name, width, height }) => [name, step.field(`image_${name}`, shapeOf(width, height), "uint8")]),
  );
}
