import type { StepDefinition } from "../../../graph/index.ts";
import { mppi } from "../../../planners/mppi.ts";
import type { PlannerConfig } from "../../../planners/planner-config.ts";
import { actBlock } from "./act-block.ts";
import { convVae } from "./conv-vae.ts";
import { rssm } from "./rssm.ts";
import { type TdMpc2Sizes, tdMpc2Update } from "./td-mpc2.ts";

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

const SMALL: TdMpc2Sizes = { latent: 128, width: 256, observation: 24, actions: 6 };
const FIVE_MILLION: TdMpc2Sizes = { latent: 512, width: 512, observation: 24, actions: 6 };

export const TRAINING: Readonly<Record<string, TrainingWorkload>> = {
  "conv-vae": { title: "conv VAE 64 × 64, batch 50", twin: "conv-vae", definition: convVae, goal: 1 },
  rssm: { title: "RSSM, GRU 200, batch 32 × 32", twin: "rssm", definition: rssm, updates: 4, goal: 1.5 },
  "td-mpc2": {
    title: "TD-MPC2 update, batch 256, horizon 3, 5 Q heads",
    twin: "td-mpc2",
    definition: tdMpc2Update(SMALL, 256, 3),
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

/** Something that `bench plan` measures. */
export interface PlanWorkload {
  readonly title: string;
  readonly sizes: TdMpc2Sizes;
  readonly config: PlannerConfig;
  readonly goal: number;
}

export const PLANS: Readonly<Record<string, PlanWorkload>> = {
  small: {
    title: "MPPI 256 × 5 × 6, latent 128",
    sizes: SMALL,
    config: { ...mppi.defaults, horizon: 5, candidates: 256, policyCandidates: 24 },
    goal: 2,
  },
  "five-million": {
    title: "MPPI 512 × 3 × 6, latent 512 (TD-MPC2 5M)",
    sizes: FIVE_MILLION,
    config: { ...mppi.defaults, policyCandidates: 24 },
    goal: 2,
  },
};
