import type { Parameters, StepDefinition } from "../../../graph/index.ts";
import { PUBLISHED_LEARNING } from "../../../learning/td-mpc2/recipe.ts";
import { tdMpc2Update } from "../../../learning/td-mpc2/update.ts";
import { cem } from "../../../planners/cem.ts";
import { mppi } from "../../../planners/mppi.ts";
import type { PlannerConfig } from "../../../planners/planner-config.ts";
import type { SearchMethod } from "../../../planners/search.ts";
import { buildDreamer, DREAMER_V3_SIZES } from "../../../world-models/dreamer.ts";
import { buildPlanet, PLANET_SIZES } from "../../../world-models/planet.ts";
import { buildTdMpc2 } from "../../../world-models/td-mpc2.ts";
import { TD_MPC2_SIZES, type TdMpc2Config } from "../../../world-models/td-mpc2-config.ts";
import { buildVaeAgent, vaeAgent } from "../../../world-models/vae-agent.ts";
import type { LatentModel, ModelSpaces } from "../../../world-models/world-model.ts";
import { actBlock } from "./act-block.ts";
import { convVae } from "./conv-vae.ts";
import { rssm } from "./rssm.ts";

/** Something that `bench train` measures. `twin` names the network in torch_twin.py. */
export interface TrainingWorkload {
  readonly title: string;
  readonly twin: string;
  readonly definition: StepDefinition;
  /** Updates in one run of our graph, where a loop pays. */
  readonly updates?: number;
  /** Speed wanted relative to the baseline. */
  readonly goal: number;
}

const STATE: ModelSpaces = { cameras: [], proprioceptionSize: 24, actionSize: 6 };
/** As on `reach`: two joints and a camera. */
const REACHING: ModelSpaces = {
  cameras: [{ name: "scene", width: 64, height: 64 }],
  proprioceptionSize: 8,
  actionSize: 2,
};
/** Without dropout, so that both sides compute the same numbers. */
const SMALL: TdMpc2Config = { ...TD_MPC2_SIZES["5M"], encoderUnits: 256, units: 256, latent: 128, dropout: 0 };
const DISCOUNT = 0.99;

export const TRAINING: Readonly<Record<string, TrainingWorkload>> = {
  "conv-vae": { title: "conv VAE 64 × 64, batch 50", twin: "conv-vae", definition: convVae, goal: 1 },
  rssm: { title: "RSSM, GRU 200, batch 32 × 32", twin: "rssm", definition: rssm, updates: 4, goal: 1.5 },
  "td-mpc2": {
    title: "TD-MPC2 update, batch 256, horizon 3, 5 Q heads",
    twin: "td-mpc2",
    definition: tdMpc2Update({
      spaces: STATE,
      network: SMALL,
      learning: { ...PUBLISHED_LEARNING, encoderRateShare: 1 },
      discounts: [DISCOUNT],
    }),
    updates: 4,
    goal: 1.5,
  },
  "act-block": {
    title: "transformer block as in ACT, batch 8 × 100",
    twin: "act-block",
    definition: actBlock,
    goal: 1,
  },
};

/** Something that `bench plan` measures: one decision of a system, from its latent on. */
export interface PlanWorkload {
  readonly title: string;
  readonly twin: string;
  readonly build: (parameters: Parameters) => LatentModel;
  readonly method: SearchMethod;
  /** Left out for a system that acts by its policy. */
  readonly config?: PlannerConfig;
  readonly goal: number;
}

const tdMpc2 = (title: string, spaces: ModelSpaces, network: TdMpc2Config, config: Partial<PlannerConfig>) => ({
  title,
  twin: "td-mpc2",
  build: (parameters: Parameters) => buildTdMpc2(parameters, spaces, network),
  method: mppi,
  config: { ...mppi.defaults, discount: DISCOUNT, policyCandidates: 24, ...config },
  goal: 2,
});
const planet = (title: string, size: keyof typeof PLANET_SIZES, config: PlannerConfig) => ({
  title,
  twin: "planet",
  build: (parameters: Parameters) => buildPlanet(parameters, REACHING, PLANET_SIZES[size]),
  method: cem,
  config,
  goal: 1,
});
const CPU_SEARCH = { ...cem.defaults, horizon: 8, iterations: 4, candidates: 128, elites: 16, minStd: 0.05 };
const dreamer = (title: string, size: keyof typeof DREAMER_V3_SIZES) => ({
  title,
  twin: "dreamer-v3",
  build: (parameters: Parameters) => buildDreamer(parameters, REACHING, DREAMER_V3_SIZES[size]),
  method: cem,
  goal: 1,
});

export const PLANS: Readonly<Record<string, PlanWorkload>> = {
  "vae-agent": {
    title: "VAE agent, CEM 128 × 8 × 4, code 32",
    twin: "vae-agent",
    build: (parameters) => buildVaeAgent(parameters, REACHING, vaeAgent.defaults),
    method: cem,
    config: CPU_SEARCH,
    goal: 1,
  },
  planet: planet("PlaNet cpu, CEM 128 × 8 × 4", "cpu", CPU_SEARCH),
  "planet-published": planet("PlaNet, CEM 1000 × 12 × 10", "published", cem.defaults),
  "dreamer-v3": dreamer("DreamerV3 cpu, one action of the actor", "cpu"),
  "dreamer-v3-12m": dreamer("DreamerV3 size12m, one action of the actor", "size12m"),
  "td-mpc2": tdMpc2("TD-MPC2 cpu, MPPI 256 × 3 × 6", STATE, TD_MPC2_SIZES.cpu, { candidates: 256 }),
  "td-mpc2-small": tdMpc2("TD-MPC2, MPPI 256 × 5 × 6, latent 128", STATE, SMALL, { horizon: 5, candidates: 256 }),
  "td-mpc2-5m": tdMpc2("TD-MPC2 5M, MPPI 512 × 3 × 6", STATE, TD_MPC2_SIZES["5M"], {}),
};
