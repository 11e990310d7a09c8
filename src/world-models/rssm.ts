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
  stack,
  sub,
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
    }),
    z.strictObject({
      kind: z.literal("categorical"),
      groups: z.int().positive().describe("categorical variables"),
      classes: z.int().positive(),
      unimix: z.number().min(0).lt(1).describe("share of the uniform distribution in each"),
    }),
  ]),
  core: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("gru") }),
    z.strictObject({ kind: z.literal("block-gru"), blocks: z.int().positive() }),
  ]),
  priorLayers: z.int().nonnegative().describe("hidden layers from the deterministic state to the prior"),
  posteriorLayers: z.int().nonnegative().describe("hidden layers from state and embedding to the posterior"),
  style: NetworkStyle,
});
export type RssmConfig = z.infer<typeof RssmConfig>;

/** What the model remembers. Shapes: deter [B, D], stoch [B, Z] */
export interface RssmState {
  readonly deter: Sym;
  readonly stoch: Sym;
}

/** A belief over the stochastic state, made from its statistics. Shapes: results [B, Z], divergences [B] */
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
  readonly stochSize: number;
  readonly noiseKind: "normal" | "uniform";
  /** Raw noise of that kind as samples are drawn from: once for all steps of a recurrence. Shapes: [..., Z] → [..., Z] */
  prepareNoise(raw: Sym): Sym;
  initial(batch: number): RssmState;
  /** The next deterministic state. Shapes: action [B, A] → [B, D] */
  core(state: RssmState, action: Sym): Sym;
  /** Statistics of what comes next, before it is seen. Shapes: [B, D] → [B, S] */
  prior(deter: Sym): Sym;
  /** Statistics of what is there, having seen it. Shapes: deter [B, D], embedding [B, E] → [B, S] */
  posterior(deter: Sym, embedding: Sym): Sym;
  distribution(statistics: Sym): StochDistribution;
  /** One step with an observation; the most likely state without noise. Shapes: noise [B, Z], prepared */
  observe(state: RssmState, action: Sym, embedding: Sym, noise?: Sym): ObservedState;
  /** One step without an observation; the most likely state without noise. */
  imagine(state: RssmState, action: Sym, noise?: Sym): RssmState;
}

export interface ObservedState extends RssmState {
  /** Of the posterior. Shapes: [B, S] */
  readonly statistics: Sym;
}

/**
 * Source: Hafner et al. 2019, arXiv:1811.04551, section 3; with categorical states arXiv:2010.02193; with the block-diagonal
 * recurrence arXiv:2301.04104, appendix B.
 */
export function buildRssm(parameters: Parameters, config: RssmConfig): Rssm {
  const { deter: deterSize, hidden, style } = config;
  const network = NETWORK_STYLES[style];
  const { stochSize, statisticsSize, noiseKind, prepareNoise, distribution } = stochasticPart(config.latent);
  const statisticsOf = (p: Parameters, x: Sym, layers: number) =>
    nn.mlp(p, x, { ...network, hidden: new Array<number>(layers).fill(hidden), output: statisticsSize });

  const core = ({ deter, stoch }: RssmState, action: Sym): Sym => {
    const p = parameters.scope("core");
    if (config.core.kind === "block-gru") {
      const { blocks } = config.core;
      return nn.blockGruCell(p, [stoch, action], deter, { ...network, blocks, hidden });
    }
    const input = nn.mlp(p.scope("input"), concat([stoch, action]), { ...network, hidden: [hidden] });
    return nn.gruCell(p.scope("gru"), input, deter);
  };
  const prior = (deter: Sym) => statisticsOf(parameters.scope("prior"), deter, config.priorLayers);
  const posterior = (deter: Sym, embedding: Sym) =>
    statisticsOf(parameters.scope("posterior"), concat([deter, embedding]), config.posteriorLayers);
  const draw = (statistics: Sym, noise: Sym | undefined) => {
    const belief = distribution(statistics);
    return noise ? belief.sample(noise) : belief.mode();
  };

  return {
    latentSize: deterSize + stochSize,
    deterSize,
    stochSize,
    noiseKind,
    prepareNoise,
    initial: (batch) => ({
      deter: parameters.graph.constant(new Float32Array(batch * deterSize), [batch, deterSize]),
      stoch: parameters.graph.constant(new Float32Array(batch * stochSize), [batch, stochSize]),
    }),
    core,
    prior,
    posterior,
    distribution,
    observe(state, action, embedding, noise) {
      const deter = core(state, action);
      const statistics = posterior(deter, embedding);
      return { deter, stoch: draw(statistics, noise), statistics };
    },
    imagine(state, action, noise) {
      const deter = core(state, action);
      return { deter, stoch: draw(prior(deter), noise) };
    },
  };
}

/** Numbers of a packed state: D + Z. */
export function stateSize({ deter, latent }: RssmConfig): number {
  return deter + stochasticPart(latent).stochSize;
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

interface GaussianState extends StochDistribution {
  readonly base: ReturnType<typeof gaussian>;
}

interface CategoricalState extends StochDistribution {
  readonly base: ReturnType<typeof categorical>;
}

/** What heads read, and what a bundle remembers. Shapes: → [B, D + Z] */
export function packState({ deter, stoch }: RssmState): Sym {
  return concat([deter, stoch]);
}

/** Shapes: latent [B, D + Z] */
export function unpackState(rssm: Rssm, latent: Sym): RssmState {
  return { deter: slice(latent, 1, 0, rssm.deterSize), stoch: slice(latent, 1, rssm.deterSize) };
}

/** A filtered sequence, all steps below each other: row t·B + b. Shapes: deter [T·B, D], stoch [T·B, Z], statistics [T·B, S] */
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
  return { deter: rows("deter"), stoch: rows("stoch"), statistics: rows("statistics") };
}
