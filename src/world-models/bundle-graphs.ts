import {
  add,
  at,
  clip,
  concat,
  expand,
  type Graph,
  greater,
  mul,
  type Parameters,
  reshape,
  type Sym,
  stack,
  sub,
  where,
} from "../graph/index.ts";
import type { PlannerConfig } from "../planners/index.ts";
import { noiseCounts, type SearchMethod, search } from "../planners/search.ts";
import type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

/** How the bundle's `plan` and `plan_short` search. */
export interface Planning {
  readonly method: SearchMethod;
  readonly config: PlannerConfig;
  /** What `plan_short` changes in the configuration. */
  readonly short: Partial<PlannerConfig>;
}

export interface BundleGraphOptions<Config> {
  readonly worldModel: WorldModel<Config>;
  readonly config: Config;
  readonly spaces: ModelSpaces;
  /** Left out for a model that acts by its policy alone. */
  readonly planning?: Planning;
  /** How the bundle's `act` chooses, for a model with a policy: the likeliest action, or one drawn from the policy. */
  readonly acting?: "mode" | "sample";
  /** Action sequences that one call of `imagine` takes, and their length. */
  readonly imagination: { readonly sequences: number; readonly horizon: number };
}

/** Inputs, outputs and what lies between, appended to the parameters' graph. */
export type BundleGraphDefinition = (parameters: Parameters) => void;

export interface BundleGraphDefinitions {
  readonly encode: BundleGraphDefinition;
  readonly observe: BundleGraphDefinition;
  readonly plan?: BundleGraphDefinition;
  readonly plan_short?: BundleGraphDefinition;
  readonly act?: BundleGraphDefinition;
  readonly imagine: BundleGraphDefinition;
  readonly decode?: BundleGraphDefinition;
}

/** The graphs of the bundle contract (docs/models.md) for any world model. */
export function bundleGraphs<Config>(options: BundleGraphOptions<Config>): BundleGraphDefinitions {
  const { worldModel, config, spaces, planning, acting, imagination } = options;
  const define =
    (build: (graph: Graph, model: LatentModel) => void): BundleGraphDefinition =>
    (parameters) => {
      const { graph } = parameters;
      graph.withoutGradient(() => build(graph, worldModel.build(parameters, spaces, config)));
    };
  return {
    encode: define((graph, model) => defineEncode(graph, model, spaces)),
    observe: define(defineObserve),
    ...(planning && {
      plan: define((graph, model) => definePlan(graph, model, planning.method, planning.config)),
      plan_short: define((graph, model) =>
        definePlan(graph, model, planning.method, { ...planning.config, ...planning.short }),
      ),
    }),
    ...(acting && { act: define((graph, model) => defineAct(graph, model, acting)) }),
    imagine: define((graph, model) => defineImagine(graph, model, imagination)),
    ...(worldModel.decodes &&
      spaces.cameras.length > 0 && {
        decode: define((graph, model) => defineDecode(graph, model, imagination.horizon)),
      }),
  };
}

function defineEncode(graph: Graph, model: LatentModel, { cameras, proprioceptionSize }: ModelSpaces): void {
  const images = Object.fromEntries(
    cameras.map(({ name, height, width }) => [name, graph.input(`image_${name}`, [1, height, width, 3], "uint8")]),
  );
  const proprioception = proprioceptionSize > 0 ? graph.input("proprioception", [1, proprioceptionSize]) : undefined;
  graph.output("embedding", model.encode(images, proprioception));
}

function defineObserve(graph: Graph, model: LatentModel): void {
  const latent = graph.input("latent", [1, model.latentSize]);
  const action = graph.input("action", [1, model.actionSize]);
  const embedding = graph.input("embedding", [1, model.embeddingSize]);
  const isFirst = greater(graph.input("is_first", [1, 1]), 0.5);
  const { latent: posterior, surprise } = model.observe(latent, action, embedding);
  // A choice and not a product: whatever the forgotten latent holds, it does not pass.
  graph.output("latent_out", where(isFirst, model.begin(embedding), posterior));
  graph.output("surprise", where(reshape(isFirst, [1]), 0, surprise));
}

function definePlan(graph: Graph, model: LatentModel, method: SearchMethod, config: PlannerConfig): void {
  const latent = graph.input("latent", [1, model.latentSize]);
  const action = graph.input("in_flight_action", [1, model.actionSize]);
  const fraction = graph.input("in_flight_fraction", [1, 1]);
  const previousMean = graph.input("previous_mean", [config.horizon, model.actionSize]);
  const { start, iteration } = noiseCounts(model, config);
  const noise = graph.noiseInput("noise", [start + config.iterations * iteration]);
  const begin = rollForward(model, latent, action, fraction);
  const { mean, std, value } = search(method, model, begin, previousMean, noise, config);
  graph.output("actions", mean);
  graph.output("std", std);
  graph.output("value", value);
}

function defineAct(graph: Graph, model: LatentModel, acting: "mode" | "sample"): void {
  const latent = graph.input("latent", [1, model.latentSize]);
  const noise = graph.noiseInput("noise", [1, model.actionSize]); // the loop feeds it, whether or not the model draws
  graph.output("action", model.policy!(latent, acting === "sample" ? noise : undefined));
}

/**
 * The latent after a fraction of a policy step, up to two steps, under one action.
 *
 * Within a step the latent moves along the straight line to the next one.
 */
function rollForward(model: LatentModel, latent: Sym, action: Sym, fraction: Sym): Sym {
  return [0, 1].reduce((reached, step) => {
    const share = clip(sub(fraction, step), 0, 1);
    return add(reached, mul(share, sub(model.next(reached, action, undefined), reached)));
  }, latent);
}

function defineImagine(
  graph: Graph,
  model: LatentModel,
  { sequences, horizon }: { readonly sequences: number; readonly horizon: number },
): void {
  const start = graph.input("latent", [1, model.latentSize]);
  const actions = graph.input("actions", [sequences, horizon, model.actionSize]);
  const latents: Sym[] = [];
  const rewards: Sym[] = [];
  const values: Sym[] = [];
  const continuation: Sym[] = [];
  let latent = expand(start, [sequences, model.latentSize]);
  for (let t = 0; t < horizon; t++) {
    const action = at(actions, t, 1);
    const next = model.next(latent, action, undefined);
    latents.push(next);
    rewards.push(model.reward(latent, action, next));
    if (model.value && model.noiseSizes.value === 0) values.push(model.value(next, undefined));
    if (model.continuation) continuation.push(model.continuation(next));
    latent = next;
  }
  graph.output("latents", stack(latents, 1));
  graph.output("rewards", concat(rewards, 1));
  if (values.length > 0) graph.output("values", concat(values, 1));
  if (continuation.length > 0) graph.output("continuation", concat(continuation, 1));
}

function defineDecode(graph: Graph, model: LatentModel, batch: number): void {
  const images = model.decode!(graph.input("latent", [batch, model.latentSize]));
  for (const [camera, image] of Object.entries(images)) graph.output(`image_${camera}`, image);
}
