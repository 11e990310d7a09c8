import { z } from "zod";
import {
  add,
  at,
  categorical,
  concat,
  gaussian,
  gumbelNoise,
  mul,
  nn,
  type Parameters,
  reshape,
  type Sym,
  slice,
  softplus,
  split,
  square,
  stack,
  sub,
  sum,
} from "../graph/index.ts";
import { NETWORK_STYLES, NetworkStyle } from "./network-style.ts";

export const RssmConfig = z.strictObject({
  deter: z.int().positive().describe("numbers of the deterministic state"),
  hidden: z.int().positive().describe("width of the networks inside"),
  latent: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("gaussian"),
      size: z.int().positive(),
      minDeviation: z.number().positive().describe("added to every standard deviation"),
      residualPrior: z
        .boolean()
        .optional()
        .describe("whether the prior's means are those of the state before, changed; by default they are not"),
    }),
    z.strictObject({
      kind: z.literal("categorical"),
      groups: z.int().positive().describe("categorical variables"),
      classes: z.int().positive(),
      unimix: z.number().min(0).lt(1).describe("share of the uniform distribution in each"),
    }),
  ]),
  known: z
    .strictObject({
      deviation: z.number().positive().describe("of what the prior expects of it, in the divergence"),
    })
    .optional()
    .describe("the proprioception is part of the stochastic state as it is; by default it is encoded"),
  core: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("gru") }),
    z.strictObject({ kind: z.literal("block-gru"), blocks: z.int().positive() }),
  ]),
  priorLayers: z.int().nonnegative().describe("hidden layers from the deterministic state to the prior"),
  posteriorLayers: z.int().nonnegative().describe("hidden layers from state and embedding to the posterior"),
  style: NetworkStyle,
});
export type RssmConfig = z.infer<typeof RssmConfig>;

/** What the model remembers. Shapes: deter [B, D], stoch [B, Z + K]: what is drawn, then what is known as it is */
export interface RssmState {
  readonly deter: Sym;
  readonly stoch: Sym;
}

/** A belief over the stochastic state, made from its statistics. Shapes: results [B, Z + K], divergences [B] */
export interface StochDistribution {
  mode(): Sym;
  /** From noise that the RSSM has prepared. Shapes: noise [B, Z] */
  sample(noise: Sym): Sym;
  /** Of this from `other`: E over this of log this - log other. */
  kl(other: StochDistribution): Sym;
}

/** Recurrent state-space model: a deterministic path for memory beside a stochastic one for what cannot be known. */
export interface Rssm {
  readonly latentSize: number;
  readonly deterSize: number;
  /** Numbers that are drawn. */
  readonly stochSize: number;
  readonly noiseKind: "normal" | "uniform";
  /** Raw noise of that kind as samples are drawn from: once for all steps of a recurrence. Shapes: [..., Z] → [..., Z] */
  prepareNoise(raw: Sym): Sym;
  initial(batch: number): RssmState;
  /** The next deterministic state. Shapes: action [B, A] → [B, D] */
  core(state: RssmState, action: Sym): Sym;
  /** Statistics of what comes next, before it is seen. Shapes: deter [B, D], the stochastic state before [B, Z + K] → [B, S] */
  prior(deter: Sym, before: Sym): Sym;
  /** Statistics of what is there, having seen it; an embedding ends with what is known. Shapes: deter [B, D], embedding [B, E] → [B, S] */
  posterior(deter: Sym, embedding: Sym): Sym;
  distribution(statistics: Sym): StochDistribution;
  /** One step with an observation; the most likely state without noise. Shapes: noise [B, Z], prepared */
  observe(state: RssmState, action: Sym, embedding: Sym, noise?: Sym): ObservedState;
  /** One step without an observation; the most likely state without noise. */
  imagine(state: RssmState, action: Sym, noise?: Sym): RssmState;
}

export interface ObservedState extends RssmState {
  /** The stochastic state that it follows. Shapes: [B, Z + K] */
  readonly before: Sym;
  /** Of the posterior. Shapes: [B, S] */
  readonly statistics: Sym;
}

/**
 * Source: Hafner et al. 2019, arXiv:1811.04551, section 3; with categorical states arXiv:2010.02193; with the block-diagonal
 * recurrence arXiv:2301.04104, appendix B. Differs: `known` and `residualPrior` are additions.
 *
 * @param proprioceptionSize of what is sensed: K where it is part of the state
 */
export function buildRssm(parameters: Parameters, config: RssmConfig, proprioceptionSize: number): Rssm {
  const { deter: deterSize, hidden, style } = config;
  const network = NETWORK_STYLES[style];
  const known = config.known && proprioceptionSize > 0 ? { ...config.known, size: proprioceptionSize } : undefined;
  const knownSize = known?.size ?? 0;
  const { stochSize, statisticsSize, noiseKind, prepareNoise, ...drawn } = stochasticPart(config.latent);
  const distribution = known ? besidesKnown(drawn.distribution, statisticsSize, known) : drawn.distribution;
  const statisticsOf = (p: Parameters, x: Sym, layers: number, size: number) =>
    nn.mlp(p, x, { ...network, hidden: new Array<number>(layers).fill(hidden), output: size });
  const endOf = (x: Sym) => slice(x, 1, x.extent(1) - knownSize);

  const core = ({ deter, stoch }: RssmState, action: Sym): Sym => {
    const p = parameters.scope("core");
    if (config.core.kind === "block-gru") {
      const { blocks } = config.core;
      return nn.blockGruCell(p, [stoch, action], deter, { ...network, blocks, hidden });
    }
    const input = nn.mlp(p.scope("input"), concat([stoch, action]), { ...network, hidden: [hidden] });
    return nn.gruCell(p.scope("gru"), input, deter);
  };
  const prior = (deter: Sym, before: Sym) => {
    const change = statisticsOf(parameters.scope("prior"), deter, config.priorLayers, statisticsSize + knownSize);
    const drawn = known ? slice(change, 1, 0, statisticsSize) : change;
    const stays = (x: Sym, from: number) => add(x, slice(before, 1, from, from + x.extent(1)));
    const isResidual = config.latent.kind === "gaussian" && config.latent.residualPrior === true;
    const statistics = isResidual
      ? concat([stays(slice(drawn, 1, 0, stochSize), 0), slice(drawn, 1, stochSize)])
      : drawn;
    return known ? concat([statistics, stays(slice(change, 1, statisticsSize), stochSize)]) : statistics;
  };
  const posterior = (deter: Sym, embedding: Sym) => {
    const p = parameters.scope("posterior");
    const statistics = statisticsOf(p, concat([deter, embedding]), config.posteriorLayers, statisticsSize);
    return known ? concat([statistics, endOf(embedding)]) : statistics;
  };
  const draw = (statistics: Sym, noise: Sym | undefined) => {
    const belief = distribution(statistics);
    return noise ? belief.sample(noise) : belief.mode();
  };
  const nothing = (batch: number, size: number) =>
    parameters.graph.constant(new Float32Array(batch * size), [batch, size]);

  return {
    latentSize: deterSize + stochSize + knownSize,
    deterSize,
    stochSize,
    noiseKind,
    prepareNoise,
    initial: (batch) => ({ deter: nothing(batch, deterSize), stoch: nothing(batch, stochSize + knownSize) }),
    core,
    prior,
    posterior,
    distribution,
    observe(state, action, embedding, noise) {
      const deter = core(state, action);
      const statistics = posterior(deter, embedding);
      return { deter, stoch: draw(statistics, noise), statistics, before: state.stoch };
    },
    imagine(state, action, noise) {
      const deter = core(state, action);
      return { deter, stoch: draw(prior(deter, state.stoch), noise) };
    },
  };
}

/** Numbers of a packed state: D + Z + K. */
export function stateSize({ deter, latent, known }: RssmConfig, proprioceptionSize: number): number {
  return deter + stochasticPart(latent).stochSize + (known ? proprioceptionSize : 0);
}

interface StochasticPart {
  readonly stochSize: number;
  readonly statisticsSize: number;
  readonly noiseKind: "normal" | "uniform";
  readonly prepareNoise: (raw: Sym) => Sym;
  readonly distribution: (statistics: Sym) => StochDistribution;
}

function stochasticPart(latent: RssmConfig["latent"]): StochasticPart {
  if (latent.kind === "gaussian") {
    const { size, minDeviation } = latent;
    const distribution = (statistics: Sym): GaussianState => {
      const [mean, raw] = split(statistics, [size, size]) as [Sym, Sym];
      const base = gaussian(mean, add(softplus(raw), minDeviation));
      return { ...base, base, kl: (other) => base.kl((other as GaussianState).base) };
    };
    return { stochSize: size, statisticsSize: 2 * size, noiseKind: "normal", prepareNoise: (raw) => raw, distribution };
  }
  const { groups, classes, unimix } = latent;
  const size = groups * classes;
  const grouped = (x: Sym) => reshape(x, [-1, groups, classes]);
  const flat = (x: Sym) => reshape(x, [-1, size]);
  const distribution = (statistics: Sym): CategoricalState => {
    const base = categorical(grouped(statistics), { unimix, eventRank: 1 });
    return {
      base,
      mode: () => flat(base.mode()),
      sample: (noise) => flat(base.sampleWith(grouped(noise))),
      kl: (other) => base.kl((other as CategoricalState).base),
    };
  };
  return { stochSize: size, statisticsSize: size, noiseKind: "uniform", prepareNoise: gumbelNoise, distribution };
}

/** Beliefs whose statistics end with K numbers that are certain. */
function besidesKnown(
  distribution: (statistics: Sym) => StochDistribution,
  statisticsSize: number,
  { deviation, size }: { readonly deviation: number; readonly size: number },
): (statistics: Sym) => StochDistribution {
  return (statistics): BesidesKnown => {
    const [drawn, known] = split(statistics, [statisticsSize, size]) as [Sym, Sym];
    const belief = distribution(drawn);
    return {
      belief,
      known,
      mode: () => concat([belief.mode(), known]),
      sample: (noise) => concat([belief.sample(noise), known]),
      kl: (other) => {
        const { belief: expected, known: predicted } = other as BesidesKnown;
        const apart = sum(square(sub(known, predicted)), 1);
        return add(belief.kl(expected), mul(apart, 0.5 / deviation ** 2));
      },
    };
  };
}

interface BesidesKnown extends StochDistribution {
  readonly belief: StochDistribution;
  readonly known: Sym;
}

interface GaussianState extends StochDistribution {
  readonly base: ReturnType<typeof gaussian>;
}

interface CategoricalState extends StochDistribution {
  readonly base: ReturnType<typeof categorical>;
}

/** What heads read, and what a bundle remembers. Shapes: → [B, D + Z + K] */
export function packState({ deter, stoch }: RssmState): Sym {
  return concat([deter, stoch]);
}

/** Shapes: latent [B, D + Z + K] */
export function unpackState(rssm: Rssm, latent: Sym): RssmState {
  return { deter: slice(latent, 1, 0, rssm.deterSize), stoch: slice(latent, 1, rssm.deterSize) };
}

/** A filtered sequence, all steps below each other: row t·B + b. Shapes: deter [T·B, D], stoch and before [T·B, Z + K], statistics [T·B, S] */
export type ObservedSequence = ObservedState;

/**
 * Runs the posterior along sequences. A first frame forgets what was before it.
 *
 * Shapes: actions [T, B, A] that led to each observation, embeddings [T·B, E], isFirst [T, B], noise [T, B, Z] prepared
 */
export function observeSequence(
  rssm: Rssm,
  { actions, embeddings, isFirst, noise }: Readonly<Record<"actions" | "embeddings" | "isFirst" | "noise", Sym>>,
): ObservedSequence {
  const [length, batch] = isFirst.shape as [number, number];
  const embedded = reshape(embeddings, [length, batch, -1]);
  const going = reshape(sub(1, isFirst), [length, batch, 1]);
  const states: ObservedState[] = [];
  let state = rssm.initial(batch);
  for (let t = 0; t < length; t++) {
    const keep = at(going, t);
    const before = { deter: mul(state.deter, keep), stoch: mul(state.stoch, keep) };
    const observed = rssm.observe(before, mul(at(actions, t), keep), at(embedded, t), at(noise, t));
    states.push(observed);
    state = observed;
  }
  const rows = (part: keyof ObservedState) => {
    const parts = states.map((observed) => observed[part]);
    return reshape(stack(parts), [length * batch, -1]);
  };
  return { deter: rows("deter"), stoch: rows("stoch"), statistics: rows("statistics"), before: rows("before") };
}
