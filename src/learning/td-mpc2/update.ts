import {
  adam,
  add,
  at,
  concat,
  div,
  expand,
  expandDims,
  gather,
  globalNorm,
  max,
  mean,
  mul,
  neg,
  type nn,
  reduceMin,
  reshape,
  type Schedule,
  type Step,
  type StepDefinition,
  type Sym,
  slice,
  square,
  stopGradient,
  sub,
  sum,
} from "../../graph/index.ts";
import type { TdMpc2Config } from "../../world-models/td-mpc2-config.ts";
import { buildTdMpc2Networks, PAIR, TD_MPC2_GROUPS, type TdMpc2Networks } from "../../world-models/td-mpc2-networks.ts";
import { taskIndices, taskMarks } from "../../world-models/td-mpc2-tasks.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import type { SegmentSize } from "../episodes/segment-replay.ts";
import { percentiles } from "../losses/percentile.ts";
import { pickFrames, type SegmentBatch, segmentFields } from "../losses/segment-fields.ts";
import type { TdMpc2Learning } from "./recipe.ts";

export interface ModelLosses {
  readonly total: Sym;
  /** How far imagined latents lie from those that are then observed. */
  readonly consistency: Sym;
  readonly reward: Sym;
  readonly value: Sym;
  /** All imagined latents, where the policy is trained. Shapes: [(H + 1) · B, L] */
  readonly latents: Sym;
}

export interface TdMpc2UpdateOptions {
  readonly spaces: ModelSpaces;
  readonly network: TdMpc2Config;
  readonly learning: TdMpc2Learning;
  /** Of a model of several tasks, one each. */
  readonly discounts: readonly number[];
  /** By default the learning rate as it is. */
  readonly learningRate?: Schedule;
}

/**
 * One update of TD-MPC2: the model by consistency, rewards and temporal differences, then the policy by the values just
 * updated, then the slowly moving value heads.
 *
 * Source: Hansen et al. 2023, arXiv:2310.16828, eq. 3 and 4. Differs: docs/algorithms.md.
 */
export function tdMpc2Update(options: TdMpc2UpdateOptions): StepDefinition {
  const { spaces, network, learning } = options;
  const { batch, gradientNorm } = learning;
  const learningRate = options.learningRate ?? learning.learningRate;
  const encoderRate = scaled(learningRate, learning.encoderRateShare);
  return {
    name: "td-mpc2",
    define(step) {
      const data = segmentFields(step, spaces, segmentSize(network, learning));
      const task = taskOf(data, network);
      const model = buildTdMpc2Networks(step.parameters, spaces, network, { task });
      const target = valueTarget(step, options, data, task);

      const valueDropout = dropoutNoise(step, "value", network, network.heads, learning.horizon * batch);
      const losses = modelLosses(model, data, target, options, valueDropout);
      for (const name of ["consistency", "reward", "value"] as const) step.metric(name, losses[name]);
      step.metric("loss", losses.total);
      const updated = step.minimize("model", losses.total, {
        groups: {
          [TD_MPC2_GROUPS.encoder]: { learningRate: encoderRate },
          [TD_MPC2_GROUPS.model]: { learningRate },
          [TD_MPC2_GROUPS.value]: { learningRate },
        },
        optimizer: adam(),
        clip: globalNorm(gradientNorm),
      });

      const latents = stopGradient(losses.latents);
      const later = buildTdMpc2Networks(updated, spaces, network, { task, values: updated.frozen() });
      const { action, logProb } = later.act(latents, step.noise("policyNoise", [latents.extent(0), spaces.actionSize]));
      const heads = step.noise("policyHeads", [network.heads]);
      const policyDropout = dropoutNoise(step, "policy", network, PAIR, latents.extent(0));
      const values = mean(later.valuePair(latents, action, heads, policyDropout), 0);
      const scale = runningScale(step, slice(values, 0, 0, batch), learning.tau);
      const loss = policyLoss(values, logProb, scale, learning);
      step.metric("policy", loss);
      step.metric("scale", scale);
      step.metric("meanValue", mean(values));
      step.metric("logProb", mean(logProb));
      step.minimize("policy", loss, {
        groups: { [TD_MPC2_GROUPS.policy]: { learningRate } },
        optimizer: adam({ epsilon: 1e-5 }),
        clip: globalNorm(gradientNorm),
      });
      step.trackTargets({ tau: learning.tau });
    },
  };
}

function scaled(rate: number | Schedule, share: number): number | Schedule {
  return typeof rate === "number" ? rate * share : (update) => rate(update) * share;
}

/** Which task each segment is of: its proprioception says so. Shapes: → [B] int64; undefined for a model of one task */
function taskOf({ proprioception }: SegmentBatch, { tasks }: TdMpc2Config): Sym | undefined {
  return tasks && taskIndices(taskMarks(at(proprioception!, 0), tasks.actionSizes.length));
}

/** What a segment's steps led to, without gradients. */
export interface ValueTarget {
  /** Encoded observations. Shapes: [H · B, L] */
  readonly reached: Sym;
  /** Shapes: [H · B] */
  readonly returns: Sym;
}

/** r + γ·min(Q, Q'): the policy's action where the step led, judged by two of the slow heads. */
function valueTarget(
  step: Step,
  { spaces, network, learning, discounts }: TdMpc2UpdateOptions,
  data: SegmentBatch,
  task: Sym | undefined,
): ValueTarget {
  const { batch, horizon } = learning;
  const rows = horizon * batch;
  const { parameters } = step;
  const model = buildTdMpc2Networks(parameters.frozen(), spaces, network, { task, values: parameters.target() });
  const reached = encode(model, data, 1, horizon, network.frames);
  const { action } = model.act(reached, step.noise("targetNoise", [rows, spaces.actionSize]));
  const values = reduceMin(model.valuePair(reached, action, step.noise("targetHeads", [network.heads])), 0);
  const discount = task
    ? reshape(
        expand(expandDims(gather(step.graph.constant(discounts, [discounts.length]), task), 0), [horizon, batch]),
        [rows],
      )
    : discounts[0]!;
  return { reached, returns: stopGradient(add(reshape(data.rewards, [rows]), mul(values, discount))) };
}

/** Consistency, reward and value over an imagined rollout (eq. 3). */
export function modelLosses(
  model: TdMpc2Networks,
  data: SegmentBatch,
  { reached, returns }: ValueTarget,
  { network, learning }: Pick<TdMpc2UpdateOptions, "network" | "learning">,
  dropout?: nn.DropoutNoise,
): ModelLosses {
  const { actions, rewards } = data;
  const [horizon, batch, actionSize] = actions.shape as [number, number, number];
  const rows = horizon * batch;
  const latents = [encode(model, data, 0, 1, network.frames)];
  for (let t = 0; t < horizon; t++) latents.push(model.advance(latents[t]!, at(actions, t)));

  const weights = stepWeights(actions, horizon, batch, learning.stepWeight);
  const from = concat(latents.slice(0, -1), 0); // [H·B, L], step by step
  const played = reshape(actions, [rows, actionSize]);
  const errors = square(sub(concat(latents.slice(1), 0), stopGradient(reached)));
  const consistency = sum(mul(mean(errors, -1), weights));
  const reward = neg(sum(mul(model.rewardBins(from, played).logProb(reshape(rewards, [rows])), weights)));
  const values = model.valueBins(from, played, dropout).logProb(expandDims(returns, 0)); // [heads, H·B]
  const value = neg(sum(mul(mean(values, 0), weights)));
  const { consistencyWeight, rewardWeight, valueWeight } = learning;
  const total = add(add(mul(consistency, consistencyWeight), mul(reward, rewardWeight)), mul(value, valueWeight));
  return { total, consistency, reward, value, latents: concat(latents, 0) };
}

/** States at some steps of the segments, each from as many frames as the model looks at. Shapes: → [steps · B, Z], step by step */
function encode(model: TdMpc2Networks, data: SegmentBatch, from: number, steps: number, frames: number): Sym {
  const batch = data.actions.extent(1);
  const context = frames - 1;
  const shown = pickFrames(data, (x) => {
    const some = slice(x, 0, from, from + context + steps);
    return reshape(some, [(context + steps) * batch, ...x.shape.slice(2)]);
  });
  const sensed = model.sense(shown.images, shown.proprioception);
  const back = (count: number) => slice(sensed, 0, (context - count) * batch, (context - count + steps) * batch);
  return model.stateOf(frames === 1 ? sensed : concat(Array.from({ length: frames }, (_, count) => back(count))));
}

/** Noise for dropout in so many value heads, where the networks have any. */
function dropoutNoise(
  step: Step,
  name: string,
  { dropout, units }: TdMpc2Config,
  heads: number,
  rows: number,
): nn.DropoutNoise | undefined {
  if (dropout === 0) return undefined;
  return {
    rows: step.noise(`${name}DropoutRows`, [heads, rows, 1], "uniform"),
    units: step.noise(`${name}DropoutUnits`, [heads, 1, units], "uniform"),
  };
}

/** What the update draws from the episodes. */
export function segmentSize({ frames }: TdMpc2Config, { batch, horizon }: TdMpc2Learning): SegmentSize {
  return { batch, horizon, context: frames - 1 };
}

/** The policy's loss: values on a common scale, and entropy. Shapes: values, logProb [(H + 1) · B] */
export function policyLoss(
  values: Sym,
  logProb: Sym,
  scale: Sym,
  { batch, stepWeight, entropyWeight }: TdMpc2Learning,
): Sym {
  const gain = sub(div(values, scale), mul(logProb, entropyWeight));
  return neg(sum(mul(gain, stepWeights(values, values.extent(0) / batch, batch, stepWeight))));
}

/** Spread of the values between their 5th and 95th percentile, averaged over updates, at least 1. Shapes: values [B] → [1] */
function runningScale(step: Step, values: Sym, tau: number): Sym {
  const before = step.carried("scale", [1], 1);
  const [low, high] = percentiles(stopGradient(values), [0.05, 0.95]) as [Sym, Sym];
  const scale = add(mul(before, 1 - tau), mul(max(sub(high, low), 1), tau));
  step.carry("scale", scale);
  return scale;
}

/** A mean over steps and batch in which later steps count less. Shapes: → [steps · batch] */
function stepWeights({ graph }: Sym, steps: number, batch: number, share: number): Sym {
  const rows = steps * batch;
  return graph.constant(
    Array.from({ length: rows }, (_, i) => share ** Math.floor(i / batch) / rows),
    [rows],
  );
}
