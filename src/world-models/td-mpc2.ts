import { LatentloopError } from "../core/errors.ts";
import {
  add,
  concat,
  div,
  exp,
  expand,
  expandDims,
  flatten,
  gather,
  max,
  mean,
  mish,
  mul,
  nn,
  type Parameters,
  reshape,
  type Sym,
  slice,
  split,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type TanhGaussian,
  type TwoHot,
  tanh,
  tanhGaussian,
  topK,
  truncatedNormal,
  twoHot,
  zeros,
} from "../graph/index.ts";
import { imagePoints } from "./keypoint.ts";
import { TD_MPC2_SIZES, TdMpc2Config } from "./td-mpc2-config.ts";
import type { ImageSyms, LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

/** An action of the policy prior, and how likely it was. */
export interface PolicyDraw {
  /** Shapes: [N, A] */
  readonly action: Sym;
  /** Shapes: [N] */
  readonly logProb: Sym;
}

/**
 * The networks of TD-MPC2, as functions of its state: what the last observations show, on a product of simplices.
 *
 * Seen as a latent model, the latent is the state and behind it what earlier observations were sensed as, where there are any.
 * Shapes: state [N, Z], action [N, A], sensed [N, F]
 */
export interface TdMpc2Model extends LatentModel {
  /** What one observation is sensed as. Shapes: images [N, Y, X, 3] uint8, proprioception [N, P] → [N, F] */
  sense(images: ImageSyms, proprioception: Sym | undefined): Sym;
  /** Shapes: sensed [N, frames · F], the newest first → [N, Z] */
  stateOf(sensed: Sym): Sym;
  /** The state one step later. */
  advance(state: Sym, action: Sym): Sym;
  /** Reward of an action as a distribution over bins. Shapes: → of [N] */
  rewardBins(state: Sym, action: Sym): TwoHot;
  /** Values by all heads. Shapes: → of [heads, N] */
  valueBins(state: Sym, action: Sym): TwoHot;
  /** Values by two heads that standard normals choose. Shapes: choice [heads] → [2, N] */
  valuePair(state: Sym, action: Sym, choice: Sym): Sym;
  /** Shapes: noise [N, A] of standard normals */
  act(state: Sym, noise: Sym): PolicyDraw;
}

/** Parameter groups: each is trained at its own rate or by its own loss. */
export const TD_MPC2_GROUPS = { encoder: "encoder", model: "model", value: "value", policy: "policy" } as const;

/** Heads of the ensemble that a value is taken from. */
const PAIR = 2;
const LOG_STD = { low: -10, high: 2 };
const START_STD = 0.02;
const LINEAR = { initializer: truncatedNormal(START_STD), biasInitializer: zeros };
/** Predicted rewards and values are zero at first. */
const BARE = { initializer: zeros, biasInitializer: zeros };
const CONVOLUTIONS = [
  { kernel: 7, stride: 2 },
  { kernel: 5, stride: 2 },
  { kernel: 3, stride: 2 },
  { kernel: 3, stride: 1 },
];
const LARGEST_EMBEDDING = 1;

/**
 * TD-MPC2: a decoder-free world model of normalised latents, with an ensemble of values, rewards and values as distributions
 * over bins, and a policy prior for the planner.
 *
 * Source: Hansen et al. 2023, arXiv:2310.16828, section 3 and appendix. Differs: docs/algorithms.md.
 */
export const tdMpc2: WorldModel<TdMpc2Config> = {
  title: "TD-MPC2: latent consistency, value ensemble, planning with a policy prior",
  decodes: false,
  config: TdMpc2Config,
  defaults: TD_MPC2_SIZES.cpu,
  build: (parameters, spaces, config) => buildTdMpc2(parameters, spaces, config),
};

export interface TdMpc2Options {
  /** Of a model of several tasks: which one, by default the first. Shapes: [B] int64, for tensors whose rows repeat B step by step */
  readonly task?: Sym | undefined;
  /** Where the value heads come from, by default from where the rest does: such as their slow copies. */
  readonly values?: Parameters;
}

/**
 * @throws ERR_INVALID_ARGUMENT if there is nothing to sense
 */
export function buildTdMpc2(
  parameters: Parameters,
  spaces: ModelSpaces,
  config: TdMpc2Config,
  { task, values: valueParameters = parameters }: TdMpc2Options = {},
): TdMpc2Model {
  const { cameras, proprioceptionSize, actionSize } = spaces;
  if (cameras.length === 0 && proprioceptionSize === 0) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      "Expected a camera or proprioception for TD-MPC2 but got neither.",
    );
  }
  const { units, latent: stateSize, frames, simplex, heads, bins, binLimit } = config;
  const groupOf = (group: keyof typeof TD_MPC2_GROUPS) => parameters.group(TD_MPC2_GROUPS[group]);
  const valueHeads = valueParameters.group(TD_MPC2_GROUPS.value).scope("value");
  const tasks = taskConditions(groupOf("model").scope("task"), config, actionSize, task);
  const binning = { low: -binLimit, high: binLimit, space: "symlog" } as const;
  const hidden = { hidden: [units, units], activation: mish, layer: LINEAR };
  const network = { ...hidden, normalization: nn.layerNorm };

  const onSimplices = (p: Parameters, x: Sym, layers: readonly number[]) => {
    const h = nn.mlp(p, x, { ...network, hidden: layers, output: stateSize });
    return nn.simNorm(nn.layerNorm(p.scope("norm"), h), simplex);
  };
  const sense = (images: ImageSyms, proprioception: Sym | undefined) => {
    const p = groupOf("encoder").scope("encoder");
    const seen = cameras.map(({ name }) => imageVector(p.scope(name), images[name]!, config));
    return concat([...seen, ...(proprioception ? [proprioception] : [])]);
  };
  const stateOf = (sensed: Sym) => {
    const asPublished = cameras.length === 1 && proprioceptionSize === 0 && !config.tasks;
    if (asPublished && sensed.extent(1) === stateSize) return nn.simNorm(sensed, simplex);
    const layers = new Array<number>(config.encoderLayers - 1).fill(config.encoderUnits);
    return onSimplices(groupOf("encoder").scope("encoder"), tasks.mark(sensed), layers);
  };
  const advance = (state: Sym, action: Sym) =>
    onSimplices(groupOf("model").scope("dynamics"), tasks.mark(concat([state, action])), [units, units]);
  const rewardBins = (state: Sym, action: Sym) => {
    const x = tasks.mark(concat([state, action]));
    return twoHot(
      nn.mlp(groupOf("model").scope("reward"), x, { ...network, output: bins, outputLayer: BARE }),
      binning,
    );
  };
  const values = (p: Parameters, members: number, state: Sym, action: Sym) => {
    const x = tasks.mark(concat([state, action]));
    return twoHot(nn.ensembleMlp(p, x, { ...hidden, members, output: bins, outputLayer: BARE }), binning);
  };
  const valuePair = (state: Sym, action: Sym, choice: Sym) => {
    const [, chosen] = topK(choice, PAIR); // the largest of independent normals: any two, equally likely
    return values(valueHeads.members(chosen, heads), PAIR, state, action).mean();
  };
  const policyOf = (state: Sym): TanhGaussian => {
    const output = 2 * actionSize;
    const h = nn.mlp(groupOf("policy").scope("policy"), tasks.mark(state), { ...network, output });
    const [center, raw] = split(h, [actionSize, actionSize]) as [Sym, Sym];
    const logStd = add(mul(add(tanh(raw), 1), 0.5 * (LOG_STD.high - LOG_STD.low)), LOG_STD.low);
    return tanhGaussian(center, exp(logStd), 0);
  };
  const act = (state: Sym, noise: Sym): PolicyDraw => {
    const { value, logProb } = policyOf(state).sampleWithLogProb(noise);
    return { action: tasks.mask(value), logProb: sum(tasks.mask(logProb), -1) };
  };

  const sensedSize = sensedSizeOf(spaces, config);
  const embeddingSize = frames === 1 ? stateSize : sensedSize;
  const stateIn = (latent: Sym) => (frames === 1 ? latent : slice(latent, 1, 0, stateSize));
  const withMemory = (state: Sym, memory: readonly Sym[]) => (frames === 1 ? state : concat([state, ...memory]));
  /** What is believed after an observation. Shapes: past [N, (frames - 1) · F], the newest first */
  const believe = (embedding: Sym, past: Sym | undefined) => {
    if (!past) return embedding;
    const kept = (frames - 2) * sensedSize;
    const memory = kept === 0 ? [embedding] : [embedding, slice(past, 1, 0, kept)];
    return withMemory(stateOf(concat([embedding, past])), memory);
  };
  const next = (latent: Sym, action: Sym) =>
    withMemory(advance(stateIn(latent), action), frames === 1 ? [] : [slice(latent, 1, stateSize)]);

  return {
    latentSize: latentSizeOf(spaces, config),
    actionSize,
    embeddingSize,
    noiseSizes: { next: 0, value: actionSize + heads, policy: actionSize },
    sense,
    stateOf,
    advance,
    rewardBins,
    valueBins: (state, action) => values(valueHeads, heads, state, action),
    valuePair,
    act,
    encode: (images, proprioception) => {
      const sensed = sense(images, proprioception);
      return frames === 1 ? stateOf(sensed) : sensed;
    },
    begin: (embedding) =>
      believe(embedding, frames === 1 ? undefined : concat(new Array<Sym>(frames - 1).fill(embedding))),
    observe: (latent, action, embedding) => {
      const believed = believe(embedding, frames === 1 ? undefined : slice(latent, 1, stateSize));
      const expected = advance(stateIn(latent), action);
      return { latent: believed, surprise: sum(square(sub(stateIn(believed), expected)), 1) };
    },
    next,
    reward: (latent, action) => expandDims(rewardBins(stateIn(latent), action).mean(), 1),
    value: (latent, noise) => {
      const state = stateIn(latent);
      const { action } = act(state, slice(noise!, 1, 0, actionSize));
      const choice = reshape(slice(slice(noise!, 1, actionSize), 0, 0, 1), [heads]);
      return expandDims(mean(valuePair(state, action, choice), 0), 1);
    },
    policy: (latent, noise) => {
      const state = stateIn(latent);
      return noise ? act(state, noise).action : tasks.mask(policyOf(state).mode());
    },
  };
}

/** Numbers in the latent: the state, and behind it earlier observations. */
export function latentSizeOf(spaces: ModelSpaces, config: TdMpc2Config): number {
  return config.latent + (config.frames - 1) * sensedSizeOf(spaces, config);
}

/** Numbers that one observation is sensed as. */
function sensedSizeOf({ cameras, proprioceptionSize }: ModelSpaces, config: TdMpc2Config): number {
  const sizes = cameras.map(({ width, height }) =>
    config.imageEncoder === "keypoints" ? 2 * config.keypoints : mapSide(width) * mapSide(height) * config.channels,
  );
  return sizes.reduce((sum, size) => sum + size, proprioceptionSize);
}

/** Extent of the last feature map along a side of the image. */
function mapSide(side: number): number {
  return CONVOLUTIONS.reduce((extent, { kernel, stride }) => Math.floor((extent - kernel) / stride) + 1, side);
}

/** Shapes: image [N, Y, X, 3] uint8 → [N, D] */
function imageVector(p: Parameters, image: Sym, { imageEncoder, channels, keypoints }: TdMpc2Config): Sym {
  if (imageEncoder === "keypoints") return imagePoints(p, image, { channels, keypoints });
  const centered = nn.centerImage(image);
  const last = CONVOLUTIONS.length - 1;
  const features = nn.cnnEncoder(p, centered, {
    layers: CONVOLUTIONS.slice(0, last).map((layer) => ({ ...layer, filters: channels })),
  });
  return flatten(nn.conv2d(p.scope(`conv${last}`), features, { ...CONVOLUTIONS[last]!, filters: channels }));
}

interface TaskConditions {
  /** Appends the task's embedding to every row. Shapes: [N, D] → [N, D + embedding] */
  mark(x: Sym): Sym;
  /** Zero where a task has no such action dimension. Shapes: [N, A] → [N, A] */
  mask(action: Sym): Sym;
}

/** How a model of several tasks knows which one it plays; nothing for a model of one. */
function taskConditions(
  p: Parameters,
  { tasks }: TdMpc2Config,
  actionSize: number,
  task: Sym | undefined,
): TaskConditions {
  if (!tasks) return { mark: (x) => x, mask: (action) => action };
  const { actionSizes, embedding } = tasks;
  const chosen = task ?? p.graph.constant([0], [1], "int64");
  const vectors = nn.embedding(p, chosen, actionSizes.length, embedding, truncatedNormal(START_STD));
  const norm = sqrt(sum(square(vectors), -1, true));
  const marks = div(vectors, stopGradient(max(norm, LARGEST_EMBEDDING)));
  const masks = actionSizes.flatMap((size) => Array.from({ length: actionSize }, (_, i) => (i < size ? 1 : 0)));
  const used = gather(p.graph.constant(masks, [actionSizes.length, actionSize]), chosen);
  return {
    mark: (x) => concat([x, repeatRows(marks, x.extent(0))]),
    mask: (action) => mul(action, repeatRows(used, action.extent(0))),
  };
}

/** Shapes: x [B, D] → [rows, D], all of x again and again */
function repeatRows(x: Sym, rows: number): Sym {
  const [batch, size] = x.shape as [number, number];
  if (rows === batch) return x;
  return reshape(expand(expandDims(x, 0), [rows / batch, batch, size]), [rows, size]);
}
