import type { Step, Sym } from "../../../src/graph/index.ts";
import * as g from "../../../src/graph/index.ts";
import type { LstmState } from "../../../src/graph/nn/recurrent.ts";

const { nn } = g;

/** Whole losses of the kinds that we train, small; losses.py writes the same in PyTorch. */
export const LOSSES: Readonly<Record<string, (step: Step) => Sym>> = {
  convVae,
  gaussianRssm,
  categoricalRssm,
  latentControl,
  actTransformer,
  mixtureDensity,
};

function convVae(step: Step): Sym {
  const p = step.parameters;
  const image = g.reshape(nn.centerImage(step.field("image", [2, 64, 64, 3], "uint8")), [2, 64, 64, 3]);
  const conv = (filters: number, kernel: number) => ({ filters, kernel, stride: 2 });
  const features = nn.cnnEncoder(p.scope("encoder"), image, {
    layers: [4, 6, 8, 10].map((filters) => conv(filters, 4)),
  });
  const points = nn.spatialSoftmax(features, 0.5);
  const latent = nn.linear(p.scope("latent"), g.concat([g.flatten(features), points]), 12);
  const [mean, logVariance] = g.split(latent, [6, 6]) as [Sym, Sym];
  const posterior = g.gaussian(mean, g.exp(g.mul(logVariance, 0.5)));
  const prior = g.gaussian(g.mul(mean, 0), g.add(g.mul(mean, 0), 1));
  const z = posterior.sample(step.noise("noise", [2, 6]));
  const decoded = nn.cnnDecoder(p.scope("decoder"), z, {
    start: [1, 1, 16],
    layers: [conv(8, 5), conv(6, 5), conv(4, 6), conv(3, 6)],
  });
  const error = g.mean(g.sum(g.square(g.sub(decoded, image)), [1, 2, 3]));
  return g.add(error, g.mean(posterior.kl(prior)));
}

function gaussianRssm(step: Step): Sym {
  const p = step.parameters;
  const [T, B] = [5, 3];
  const embeddings = g.unstack(step.field("embedding", [T, B, 7]));
  const actions = g.unstack(step.field("action", [T, B, 2]));
  const noise = g.unstack(step.noise("noise", [T, B, 4]));
  const stochastic = (scope: string, x: Sym) => {
    const [mean, raw] = g.split(nn.mlp(p.scope(scope), x, { hidden: [9], output: 8, activation: g.elu }), [4, 4]);
    return g.gaussian(mean!, g.add(g.softplus(raw!), 0.1));
  };
  let deter = p.graph.constant(new Float32Array(B * 6), [B, 6]);
  let stoch = p.graph.constant(new Float32Array(B * 4), [B, 4]);
  let total = p.graph.scalar(0);
  for (let t = 0; t < T; t++) {
    const x = g.elu(nn.linear(p.scope("input"), g.concat([stoch, actions[t]!]), 5));
    deter = nn.gruCell(p.scope("gru"), x, deter);
    deter = nn.normalizedGruCell(p.scope("gru2"), stoch, deter);
    const prior = stochastic("prior", deter);
    const posterior = stochastic("posterior", g.concat([deter, embeddings[t]!]));
    stoch = posterior.sample(noise[t]!);
    const decoded = nn.mlp(p.scope("decoder"), g.concat([deter, stoch]), {
      hidden: [8],
      output: 7,
      activation: g.gelu,
    });
    const likelihood = g.gaussian(decoded, g.add(g.mul(decoded, 0), 1)).logProb(embeddings[t]!);
    total = g.add(total, g.mean(g.sub(g.max(posterior.kl(prior), 1), likelihood)));
  }
  return total;
}

function categoricalRssm(step: Step): Sym {
  const p = step.parameters;
  const [T, B, groups, classes] = [4, 3, 3, 5];
  const embeddings = g.unstack(step.field("embedding", [T, B, 7]));
  const actions = g.unstack(step.field("action", [T, B, 2]));
  const noise = g.unstack(step.noise("noise", [T, B, groups, classes], "uniform"));
  const rewards = g.unstack(step.field("reward", [T, B]));
  const latent = (scope: string, x: Sym) => {
    const logits = nn.mlp(p.scope(scope), x, { hidden: [9], output: groups * classes, normalization: nn.rmsNorm });
    return g.categorical(g.reshape(logits, [B, groups, classes]), { unimix: 0.01, eventRank: 1 });
  };
  let deter = p.graph.constant(new Float32Array(B * 8), [B, 8]);
  let stoch = p.graph.constant(new Float32Array(B * groups * classes), [B, groups * classes]);
  let total = p.graph.scalar(0);
  for (let t = 0; t < T; t++) {
    deter = nn.blockGruCell(p.scope("core"), [stoch, actions[t]!], deter, { blocks: 2, hidden: 6 });
    const prior = latent("prior", deter);
    const posterior = latent("posterior", g.concat([deter, embeddings[t]!]));
    const frozen = (d: g.Categorical) => ({
      ...d,
      probabilities: g.stopGradient(d.probabilities),
      logProbabilities: g.stopGradient(d.logProbabilities),
    });
    stoch = g.flatten(posterior.sample(noise[t]!));
    const features = g.concat([deter, stoch]);
    const dynamics = g.mean(g.max(posteriorKl(frozen(posterior), prior), 0.1));
    const representation = g.mean(g.max(posteriorKl(posterior, frozen(prior)), 0.1));
    const reward = g.twoHot(nn.linear(p.scope("reward"), features, 11), { low: -3, high: 3, space: "raw" });
    const going = g.bernoulli(nn.linear(p.scope("continue"), features, 1));
    const decoded = nn.mlp(p.scope("decoder"), features, { hidden: [8], output: 7, normalization: nn.layerNorm });
    const error = g.mean(g.sum(g.square(g.sub(decoded, g.symlog(embeddings[t]!))), -1));
    const heads = g.mean(
      g.add(
        reward.logProb(rewards[t]!),
        going.logProb(g.sigmoid(actions[t]!.rank ? g.slice(actions[t]!, 1, 0, 1) : actions[t]!)),
      ),
    );
    const regularised = g.add(
      g.add(g.mul(dynamics, 0.5), g.mul(representation, 0.1)),
      g.mul(g.mean(posterior.entropy()), 0.01),
    );
    total = g.add(total, g.sub(g.add(regularised, error), heads));
  }
  return total;
}

function posteriorKl(from: g.Categorical, to: g.Categorical): Sym {
  return g.sum(g.mul(from.probabilities, g.sub(from.logProbabilities, to.logProbabilities)), [-1, -2]);
}

function latentControl(step: Step): Sym {
  const p = step.parameters;
  const [H, B, Z, A, members] = [3, 4, 16, 2, 3];
  const observations = g.unstack(step.field("observation", [H + 1, B, 5]));
  const actions = g.unstack(step.field("action", [H, B, A]));
  const rewards = g.unstack(step.field("reward", [H, B]));
  const hidden = { activation: g.mish, normalization: nn.layerNorm };
  const encode = (x: Sym) => nn.simNorm(nn.mlp(p.scope("encoder"), x, { ...hidden, hidden: [9], output: Z }));
  const policy = (z: Sym, scope = p) => {
    const [mean, raw] = g.split(nn.mlp(scope.scope("policy"), z, { ...hidden, hidden: [9], output: 2 * A }), [A, A]);
    return g.tanhGaussian(mean!, g.exp(g.clip(raw!, -2, 1)));
  };
  const value = (scope: typeof p, z: Sym, action: Sym) => {
    const options = { members, hidden: [9, 8], output: 7, activation: g.mish };
    return g.twoHot(nn.ensembleMlp(scope.scope("q"), g.concat([z, action]), options), {
      low: -2,
      high: 2,
      space: "symlog",
    });
  };
  let z = encode(observations[0]!);
  let total = p.graph.scalar(0);
  for (let t = 0; t < H; t++) {
    const x = g.concat([z, actions[t]!]);
    const next = nn.simNorm(nn.mlp(p.scope("dynamics"), x, { ...hidden, hidden: [9], output: Z }));
    const seen = g.stopGradient(encode(observations[t + 1]!));
    const chosen = g.stopGradient(policy(seen).sample(step.noise(`targetNoise${t}`, [B, A])));
    const ahead = value(p.target(), seen, chosen).mean();
    const target = g.stopGradient(g.add(rewards[t]!, g.mul(g.reduceMin(ahead, 0), 0.9)));
    const error = g.neg(g.mean(value(p, z, actions[t]!).logProb(g.expand(target, [members, B]))));
    const reward = g.twoHot(nn.linear(p.scope("reward"), x, 7), { low: -2, high: 2, space: "symlog" });
    const { value: action, logProb } = policy(g.stopGradient(z)).sampleWithLogProb(step.noise(`noise${t}`, [B, A]));
    const judged = g.mean(value(p.frozen(), g.stopGradient(z), action).mean());
    const consistency = g.mean(g.square(g.sub(next, seen)));
    const imitation = g.mean(policy(z).logProb(g.mul(actions[t]!, 0.6)));
    const parts = [
      error,
      g.neg(g.mean(reward.logProb(rewards[t]!))),
      g.mul(consistency, 20),
      g.mul(g.mean(logProb), 0.1),
    ];
    total = g.add(total, g.sub(g.sub(g.addAll(parts), judged), g.mul(imitation, 0.05)));
    z = next;
  }
  return total;
}

function actTransformer(step: Step): Sym {
  const p = step.parameters;
  const [B, T, S, D] = [2, 4, 5, 8];
  const memory = step.field("memory", [B, S, D]);
  const query = step.field("query", [B, T, D]);
  const position = nn.sinusoidalPositions(memory, S, D);
  const slots = p.get("slots/weight", { shape: [T, D], initializer: g.zeros });
  const encoded = nn.transformerBlock(p.scope("encoder"), memory, { heads: 2, hidden: 12, position });
  const options = { heads: 2, hidden: 12, position: slots };
  const decoded = nn.transformerBlock(p.scope("decoder"), query, options, { value: encoded, position });
  const mask = nn.causalMask(query, T);
  const causal = nn.transformerBlock(p.scope("causal"), decoded, {
    heads: 4,
    hidden: 9,
    norm: "before",
    activation: g.gelu,
    mask,
  });
  const actions = nn.linear(p.scope("action"), causal, 3);
  return g.mean(g.abs(g.sub(actions, step.field("action", [B, T, 3]))));
}

function mixtureDensity(step: Step): Sym {
  const p = step.parameters;
  const [T, B, Z, K] = [3, 4, 3, 5];
  const zeros = p.graph.constant(new Float32Array(B * 7), [B, 7]);
  let state: LstmState = { hidden: zeros, cell: zeros };
  for (const x of g.unstack(step.field("x", [T, B, 6]))) state = nn.lstmCell(p.scope("lstm"), x, state);
  const out = nn.mlp(p.scope("mdn"), state.hidden, { hidden: [9], output: 3 * Z * K, activation: g.tanh });
  const [logits, means, raw] = g.split(g.reshape(out, [B, 3 * Z, K]), [Z, Z, Z], 1) as [Sym, Sym, Sym];
  const mixture = g.gaussianMixture(logits, means, g.exp(raw));
  const sampled = mixture.sample(step.noise("componentNoise", [B, Z, K], "uniform"), step.noise("noise", [B, Z]));
  return g.add(g.neg(g.mean(mixture.logProb(step.field("y", [B, Z])))), g.mean(g.square(sampled)));
}
