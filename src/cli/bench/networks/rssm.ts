import {
  adam,
  add,
  at,
  concat,
  div,
  elu,
  globalNorm,
  log,
  max,
  mul,
  nn,
  type Parameters,
  reshape,
  type StepDefinition,
  type Sym,
  softplus,
  split,
  square,
  sub,
  sum,
  sumSquares,
} from "../../../graph/index.ts";

const BATCH = 32;
const STEPS = 32;
const EMBEDDING = 256;
const DETER = 200;
const STOCH = 30;
const HIDDEN = 200;
const ACTIONS = 6;
const FREE_NATS = 3;

interface Gaussian {
  readonly mean: Sym;
  readonly deviation: Sym;
}

/** A Gaussian recurrent state-space model in PlaNet's sizes, on given image embeddings (Hafner et al. 2019, arXiv:1811.04551). */
export const rssm: StepDefinition = {
  name: "rssm",
  define(step) {
    const { parameters, graph } = step;
    const embeddings = step.field("embedding", [STEPS, BATCH, EMBEDDING]);
    const actions = step.field("action", [STEPS, BATCH, ACTIONS]);
    const rewards = step.field("reward", [STEPS, BATCH]);
    const noise = step.noise("noise", [STEPS, BATCH, STOCH]);
    let deter = graph.constant(new Float32Array(BATCH * DETER), [BATCH, DETER]);
    let stoch = graph.constant(new Float32Array(BATCH * STOCH), [BATCH, STOCH]);
    const deters: Sym[] = [];
    const stochs: Sym[] = [];
    const means: Sym[] = [];
    const deviations: Sym[] = [];
    for (let t = 0; t < STEPS; t++) {
      const input = elu(nn.linear(parameters.scope("input"), concat([stoch, at(actions, t)]), HIDDEN));
      deter = nn.gruCell(parameters.scope("gru"), input, deter);
      const posterior = gaussian(parameters.scope("posterior"), concat([deter, at(embeddings, t)]));
      stoch = add(posterior.mean, mul(posterior.deviation, at(noise, t)));
      deters.push(deter);
      stochs.push(stoch);
      means.push(posterior.mean);
      deviations.push(posterior.deviation);
    }
    const rows = STEPS * BATCH;
    const flat = (parts: readonly Sym[]) => concat(parts, 0); // [T·B, …]
    const features = concat([flat(deters), flat(stochs)]);
    const posterior = { mean: flat(means), deviation: flat(deviations) };
    const prior = gaussian(parameters.scope("prior"), flat(deters));
    const divergence = mul(klDivergence(posterior, prior), 1 / rows);
    const predict = (name: string, outputs: number) =>
      nn.mlp(parameters.scope(name), features, { hidden: [HIDDEN], output: outputs, activation: elu });
    const reconstruction = squaredError(predict("reconstruction", EMBEDDING), reshape(embeddings, [rows, EMBEDDING]));
    const reward = squaredError(predict("reward", 1), reshape(rewards, [rows, 1]));
    const loss = add(add(reconstruction, reward), max(divergence, FREE_NATS));
    step.metric("loss", loss);
    step.metric("reconstruction", reconstruction);
    step.metric("reward", reward);
    step.metric("divergence", divergence);
    const groups = { model: { learningRate: 6e-4 } };
    step.minimize("model", loss, { groups, optimizer: adam(), clip: globalNorm(100) });
  },
};

function gaussian(parameters: Parameters, x: Sym): Gaussian {
  const both = nn.mlp(parameters, x, { hidden: [HIDDEN], output: 2 * STOCH, activation: elu });
  const [mean, raw] = split(both, [STOCH, STOCH]) as [Sym, Sym];
  return { mean, deviation: add(softplus(raw), 0.1) };
}

function klDivergence(p: Gaussian, q: Gaussian): Sym {
  const spread = add(square(p.deviation), square(sub(p.mean, q.mean)));
  return sum(sub(add(log(div(q.deviation, p.deviation)), div(spread, mul(square(q.deviation), 2))), 0.5));
}

function squaredError(prediction: Sym, target: Sym): Sym {
  return mul(sumSquares(sub(prediction, target)), 0.5 / target.extent(0));
}
