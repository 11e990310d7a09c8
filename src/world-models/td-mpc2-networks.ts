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
  mish,
  mul,
  nn,
  type Parameters,
  reshape,
  type Sym,
  split,
  sqrt,
  square,
  stopGradient,
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
import type { TdMpc2Config } from "./td-mpc2-config.ts";
import type { ImageSyms, ModelSpaces } from "./world-model.ts";

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
 * Shapes: state [N, Z], action [N, A], sensed [N, F]
 */
export interface TdMpc2Networks {
  /** What one observation is sensed as. Shapes: images [N, Y, X, 3] uint8, proprioception [N, P] → [N, F] */
  sense(images: ImageSyms, proprioception: Sym | undefined): Sym;
  /** Shapes: sensed [N, frames · F], the newest first → [N, Z] */
  stateOf(sensed: Sym): Sym;
  /** The state one step later. */
  advance(state: Sym, action: Sym): Sym;
  /** Reward of an action as a distribution over bins. Shapes: → of [N] */
  rewardBins(state: Sym, action: Sym): TwoHot;
  /** Values by all heads, with dropout where there is noise for it. Shapes: → of [heads, N] */
  valueBins(state: Sym, action: Sym, noise?: nn.DropoutNoise): TwoHot;
  /** Values by two heads that standard normals choose. Shapes: choice [heads] → [2, N] */
  valuePair(state: Sym, action: Sym, choice: Sym, noise?: nn.DropoutNoise): Sym;
  /** The likeliest action. Shapes: → [N, A] */
  likeliest(state: Sym): Sym;
  /** Shapes: noise [N, A] of standard normals */
  act(state: Sym, noise: Sym): PolicyDraw;
}

/** Parameter groups: each is trained at its own rate or by its own loss. */
export const TD_MPC2_GROUPS = { encoder: "encoder", model: "model", value: "value", policy: "policy" } as const;

/** Heads of the ensemble that a value is taken from. */
export const PAIR = 2;
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

export interface TdMpc2Options {
  /** Of a model of several tasks: which one. Shapes: [B] int64, for tensors whose rows repeat B step by step */
  readonly task?: Sym | undefined;
  /** Where the value heads come from, by default from where the rest does: such as their slow copies. */
  readonly values?: Parameters;
}

/** @throws ERR_INVALID_ARGUMENT if there is nothing to sense */
export function buildTdMpc2Networks(
  parameters: Parameters,
  spaces: ModelSpaces,
  config: TdMpc2Config,
  { task, values: valueParameters = parameters }: TdMpc2Options = {},
): TdMpc2Networks {
  const { cameras, proprioceptionSize, actionSize } = spaces;
  if (cameras.length === 0 && proprioceptionSize === 0) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      "Expected a camera or proprioception for TD-MPC2 but got neither.",
    );
  }
  const { units, latent: stateSize, simplex, heads, bins, binLimit } = config;
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
  /** What a task has no use for is not seen of an action, whatever stands there. */
  const joined = (state: Sym, action: Sym) => tasks.mark(concat([state, tasks.mask(action)]));
  const advance = (state: Sym, action: Sym) =>
    onSimplices(groupOf("model").scope("dynamics"), joined(state, action), [units, units]);
  const rewardBins = (state: Sym, action: Sym) => {
    const x = joined(state, action);
    return twoHot(
      nn.mlp(groupOf("model").scope("reward"), x, { ...network, output: bins, outputLayer: BARE }),
      binning,
    );
  };
  const values = (p: Parameters, members: number, state: Sym, action: Sym, noise: nn.DropoutNoise | undefined) => {
    const x = joined(state, action);
    const disturb = noise && { disturb: (h: Sym) => nn.dropout(h, noise, config.dropout) };
    return twoHot(nn.ensembleMlp(p, x, { ...hidden, ...disturb, members, output: bins, outputLayer: BARE }), binning);
  };
  const valuePair = (state: Sym, action: Sym, choice: Sym, noise?: nn.DropoutNoise) => {
    const [, chosen] = topK(choice, PAIR); // the largest of independent normals: any two, equally likely
    return values(valueHeads.members(chosen, heads), PAIR, state, action, noise).mean();
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

  return {
    sense,
    stateOf,
    advance,
    rewardBins,
    valueBins: (state, action, noise) => values(valueHeads, heads, state, action, noise),
    valuePair,
    likeliest: (state) => tasks.mask(policyOf(state).mode()),
    act,
  };
}

/** Numbers that one observation is sensed as. */
export function sensedSizeOf({ cameras, proprioceptionSize }: ModelSpaces, config: TdMpc2Config): number {
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
  const chosen = task ?? p.graph.constant([0], [1], "int64"); // none is asked for where only sizes are wanted
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
