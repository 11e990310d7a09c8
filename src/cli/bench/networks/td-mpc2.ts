import {
  adam,
  add,
  at,
  concat,
  exp,
  globalNorm,
  layerNorm,
  linear,
  mean,
  min,
  mish,
  mul,
  neg,
  nn,
  ones,
  type Parameters,
  reshape,
  type StepDefinition,
  type Sym,
  slice,
  split,
  square,
  stopGradient,
  sub,
  sum,
  type TwoHot,
  tanh,
  tanhGaussian,
  twoHot,
  uniformFanIn,
  zeros,
} from "../../../graph/index.ts";
import type { PlannableModel } from "../../../planners/index.ts";

export interface TdMpc2Sizes {
  readonly latent: number;
  /** Units of every hidden layer. */
  readonly width: number;
  readonly observation: number;
  readonly actions: number;
}

const HEADS = 5;
const BINS = 101;
const SYMLOG_BINS = { low: -10, high: 10, space: "symlog" } as const;
const LOG_STD_LOW = -10;
const LOG_STD_HIGH = 2;

/**
 * TD-MPC2's networks in any size (Hansen et al. 2023, arXiv:2310.16828).
 *
 * Differs: where the paper draws two of the five value heads these are always the first two, and only they are computed;
 * there is no dropout. So a twin in another framework computes the same numbers.
 */
class TdMpc2 {
  readonly #parameters: Parameters;
  readonly #sizes: TdMpc2Sizes;

  constructor(parameters: Parameters, sizes: TdMpc2Sizes) {
    this.#parameters = parameters;
    this.#sizes = sizes;
  }

  encode(observation: Sym): Sym {
    return this.#latent("encoder", observation, [this.#sizes.width]);
  }

  next(latent: Sym, action: Sym): Sym {
    return this.#latent("dynamics", concat([latent, action]), [this.#sizes.width, this.#sizes.width]);
  }

  /** Shapes: of its mean [N] */
  reward(latent: Sym, action: Sym): TwoHot {
    return twoHot(this.#head("model", "reward", concat([latent, action]), BINS), SYMLOG_BINS);
  }

  /** Logits of all value heads. Shapes: → [heads, N, bins] */
  values(latent: Sym, action: Sym): Sym {
    const { width } = this.#sizes;
    const scope = this.#parameters.group("value").scope("value");
    const x = concat([latent, action]);
    return nn.ensembleMlp(scope, x, { members: HEADS, hidden: [width, width], output: BINS, activation: mish });
  }

  /** Expected values by the first two heads alone. Shapes: → each [N] */
  firstTwo(latent: Sym, action: Sym): [Sym, Sym] {
    const x = concat([latent, action]);
    return [this.#value(x, 0), this.#value(x, 1)];
  }

  /** One head, from its slices of the ensemble's parameters. */
  #value(x: Sym, head: number): Sym {
    const { width } = this.#sizes;
    const scope = this.#parameters.group("value").scope("value");
    const layer = (name: string, h: Sym, outputs: number) => {
      const fanIn = h.extent(1);
      const own = (parameter: string, inputs: number, initializer = uniformFanIn) =>
        at(scope.scope(name).get(parameter, { shape: [HEADS, inputs, outputs], initializer, fanIn }), head);
      return linear(h, own("weight", fanIn), reshape(own("bias", 1), [outputs]));
    };
    const norm = (name: string, h: Sym) => {
      const own = (parameter: string, initializer: typeof ones) =>
        reshape(at(scope.scope(name).get(parameter, { shape: [HEADS, 1, width], initializer }), head), [width]);
      return layerNorm(h, own("gain", ones), own("bias", zeros));
    };
    let h = x;
    for (const i of [0, 1]) h = mish(norm(`norm${i}`, layer(`linear${i}`, h, width)));
    return twoHot(layer("out", h, BINS), SYMLOG_BINS).mean();
  }

  /** Shapes: noise [N, A] → value [N, A], logProb [N] */
  act(latent: Sym, noise: Sym): { value: Sym; logProb: Sym } {
    const { actions } = this.#sizes;
    const [center, raw] = split(this.#head("policy", "policy", latent, 2 * actions), [actions, actions]) as [Sym, Sym];
    const logStd = add(mul(add(tanh(raw), 1), 0.5 * (LOG_STD_HIGH - LOG_STD_LOW)), LOG_STD_LOW);
    return tanhGaussian(center, exp(logStd)).sampleWithLogProb(noise);
  }

  #latent(name: string, x: Sym, hidden: readonly number[]): Sym {
    const scope = this.#parameters.scope(name);
    const h = nn.mlp(scope, x, { hidden, output: this.#sizes.latent, activation: mish, normalization: nn.layerNorm });
    return nn.simNorm(nn.layerNorm(scope.scope("norm"), h));
  }

  #head(group: string, name: string, x: Sym, output: number): Sym {
    const { width } = this.#sizes;
    const scope = this.#parameters.group(group).scope(name);
    return nn.mlp(scope, x, { hidden: [width, width], output, activation: mish, normalization: nn.layerNorm });
  }
}

function average([a, b]: readonly [Sym, Sym]): Sym {
  return mul(add(a, b), 0.5);
}

const DISCOUNT = 0.99;
const STEP_WEIGHT = 0.5;

/** One update: latent consistency, reward and value, then the policy against the values just updated. */
export function tdMpc2Update(sizes: TdMpc2Sizes, batch: number, horizon: number): StepDefinition {
  return {
    name: "td-mpc2",
    define(step) {
      const rows = horizon * batch;
      const observations = step.field("observation", [horizon + 1, batch, sizes.observation]);
      const actions = step.field("action", [horizon, batch, sizes.actions]);
      const reward = reshape(step.field("reward", [horizon, batch]), [rows]);

      const frozen = new TdMpc2(step.parameters.frozen(), sizes);
      const reached = frozen.encode(reshape(slice(observations, 0, 1), [rows, sizes.observation]));
      const nextAction = frozen.act(reached, step.noise("targetNoise", [rows, sizes.actions])).value;
      const targets = new TdMpc2(step.parameters.target(), sizes);
      const nextValue = min(...targets.firstTwo(reached, nextAction));
      const valueTarget = add(reward, mul(nextValue, DISCOUNT));

      const model = new TdMpc2(step.parameters, sizes);
      const latents = [model.encode(at(observations, 0))];
      for (let t = 0; t < horizon; t++) latents.push(model.next(latents[t]!, at(actions, t)));
      const from = concat(latents.slice(0, -1), 0);
      const played = reshape(actions, [rows, sizes.actions]);
      const weights = stepWeights(step.graph, horizon, batch);
      const consistency = sum(mul(mean(square(sub(concat(latents.slice(1), 0), reached)), -1), weights));
      const rewardLoss = neg(sum(mul(model.reward(from, played).logProb(reward), weights)));
      const values = twoHot(model.values(from, played), SYMLOG_BINS);
      const valueLoss = mul(sum(mul(values.logProb(valueTarget), weights)), -1 / HEADS);
      const loss = add(add(mul(consistency, 20), mul(rewardLoss, 0.1)), mul(valueLoss, 0.1));
      step.metric("loss", loss);
      const updated = step.minimize("model", loss, {
        groups: { model: { learningRate: 3e-4 }, value: { learningRate: 3e-4 } },
        optimizer: adam(),
        clip: globalNorm(20),
      });

      const all = stopGradient(concat(latents, 0));
      const chosen = model.act(all, step.noise("policyNoise", [(horizon + 1) * batch, sizes.actions]));
      const value = average(new TdMpc2(updated.frozen(), sizes).firstTwo(all, chosen.value));
      const gain = sub(value, mul(chosen.logProb, 1e-4));
      const policyLoss = neg(sum(mul(gain, stepWeights(step.graph, horizon + 1, batch))));
      step.metric("policyLoss", policyLoss);
      step.minimize("policy", policyLoss, {
        groups: { policy: { learningRate: 3e-4 } },
        optimizer: adam({ epsilon: 1e-5 }),
        clip: globalNorm(20),
      });
      step.trackTargets({ tau: 0.01 });
    },
  };
}

/** Later steps count less; otherwise the mean over steps and batch. Shapes: → [steps · batch] */
function stepWeights(graph: Sym["graph"], steps: number, batch: number): Sym {
  const rows = steps * batch;
  const weights = Array.from({ length: rows }, (_, i) => STEP_WEIGHT ** Math.floor(i / batch) / rows);
  return graph.constant(weights, [rows]);
}

/** The networks as a planner takes them. */
export function tdMpc2Model(parameters: Parameters, sizes: TdMpc2Sizes): PlannableModel {
  const model = new TdMpc2(parameters, sizes);
  return {
    latentSize: sizes.latent,
    actionSize: sizes.actions,
    noiseSizes: { next: 0, value: sizes.actions, policy: sizes.actions },
    next: (latent, action) => model.next(latent, action),
    reward: (latent, action) => model.reward(latent, action).mean(),
    value: (latent, noise) => average(model.firstTwo(latent, model.act(latent, noise!).value)),
    policy: (latent, noise) => model.act(latent, noise!).value,
  };
}
