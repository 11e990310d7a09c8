import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { PlannerConfig } from "../../planners/index.ts";
import { mppi } from "../../planners/mppi.ts";
import { TD_MPC2_SIZES, TdMpc2Config, type TdMpc2Size } from "../../world-models/td-mpc2-config.ts";
import type { ObservationKind } from "../learner.ts";
import { discountOf, OnlineRecipe, POLICY_SHARE, withSteps } from "../online/recipe.ts";
import { observationOf } from "../online/task-views.ts";
import { taskNames } from "../world/multi-task-world.ts";

/** The numbers of TD-MPC2's losses and update, under the paper's values by default. */
export const TdMpc2Learning = z.strictObject({
  batch: z.int().positive().describe("pieces of episodes in an update"),
  horizon: z.int().positive().describe("steps that the model is unrolled for"),
  learningRate: z.number().positive(),
  anneal: z.boolean().describe("whether the learning rates fall over the second half of the run"),
  encoderRateShare: z.number().positive().describe("the encoder's learning rate, as a share of the others'"),
  gradientNorm: z.number().positive().describe("largest norm of the gradients together"),
  stepWeight: z.number().positive().max(1).describe("weight of a step relative to the one before"),
  consistencyWeight: z.number().nonnegative(),
  rewardWeight: z.number().nonnegative(),
  valueWeight: z.number().nonnegative(),
  entropyWeight: z.number().nonnegative(),
  tau: z.number().positive().max(1).describe("share that slow heads and the value scale take on per update"),
});
export type TdMpc2Learning = z.infer<typeof TdMpc2Learning>;

/** Source: Hansen et al. 2023, arXiv:2310.16828, table of hyper-parameters. */
export const PUBLISHED_LEARNING: TdMpc2Learning = {
  batch: 256,
  horizon: 3,
  learningRate: 3e-4,
  anneal: false,
  encoderRateShare: 0.3,
  gradientNorm: 20,
  stepWeight: 0.5,
  consistencyWeight: 20,
  rewardWeight: 0.1,
  valueWeight: 0.1,
  entropyWeight: 1e-4,
  tau: 0.01,
};

/** Everything that decides what TD-MPC2 learns from the same seed: the manifest stores it. */
export const TdMpc2Recipe = z.strictObject({
  size: z.string(),
  network: TdMpc2Config,
  planner: PlannerConfig,
  shortPlanner: z
    .strictObject({ iterations: z.int().positive(), candidates: z.int().positive() })
    .describe("what plan_short changes"),
  learning: TdMpc2Learning,
  online: OnlineRecipe,
  shiftPx: z.int().nonnegative().describe("largest random shift of an image in training"),
  policyShare: POLICY_SHARE,
});
export type TdMpc2Recipe = z.infer<typeof TdMpc2Recipe>;

/** What one way to watch a task changes. */
interface Watching {
  readonly network?: Partial<TdMpc2Config>;
  /** What the CPU size changes beyond that. */
  readonly cpu?: {
    readonly network?: Partial<TdMpc2Config>;
    readonly planner?: Partial<PlannerConfig>;
    readonly learning?: Partial<TdMpc2Learning>;
    readonly online?: Partial<OnlineRecipe>;
    readonly policyShare?: number;
  };
}

interface TaskRecipe {
  readonly online: OnlineRecipe;
  readonly watched: Readonly<Partial<Record<ObservationKind, Watching>>>;
}

/** A small network is updated in the time that a published one takes to plan: as much is learned from half the steps. */
const TWICE_THE_UPDATES = { planner: { candidates: 256 }, online: { updatesPerStep: 1 } };

/** Control suite. One update per decision; 5 % of the steps are random, as published. */
const SUITE: TaskRecipe = {
  online: {
    steps: 100_000,
    randomSteps: 5000,
    firstUpdates: 2500,
    updatesPerStep: 0.5,
    explorationStd: 0,
    evaluateEvery: 10_000,
    refreshEvery: 25,
    goalsMove: false,
  },
  watched: {
    state: { cpu: TWICE_THE_UPDATES },
    pixels: {
      network: { frames: 3 },
      cpu: {
        network: { imageEncoder: "keypoints", frames: 2 },
        planner: { candidates: 256 },
        learning: { batch: 64, learningRate: 5e-4, encoderRateShare: 1 },
      },
    },
  },
};

/** Every episode shows one target: twice the updates learn those few by heart. */
const SUITE_WITH_TARGETS: TaskRecipe = {
  ...SUITE,
  watched: { ...SUITE.watched, state: { cpu: { planner: { candidates: 256 } } } },
};

/**
 * Reaching from images: points in them generalise over targets where a flat encoder memorises those it has seen. Small
 * networks do, and make a bundle of less than a megabyte.
 */
const KEYPOINTS: Watching = {
  network: { imageEncoder: "keypoints", channels: 16, keypoints: 32 },
  cpu: {
    network: { encoderUnits: 64, units: 64, latent: 64, heads: 2, binLimit: 5 },
    planner: { candidates: 128, elites: 32, policyCandidates: 12 },
    learning: { batch: 64, learningRate: 1e-3, anneal: true, encoderRateShare: 1 },
    policyShare: 0.5,
  },
};
const REACHING: TaskRecipe = {
  online: {
    steps: 20_000,
    randomSteps: 15_000,
    firstUpdates: 4000,
    updatesPerStep: 1,
    explorationStd: 0,
    evaluateEvery: 2500,
  },
  watched: { both: KEYPOINTS, pixels: KEYPOINTS },
};

const TASKS: Readonly<Record<string, TaskRecipe>> = {
  reach: REACHING,
  "arm-reach": { ...REACHING, online: { ...REACHING.online, steps: 26_000, randomSteps: 18_000 } },
  "cartpole-swingup": SUITE,
  "reacher-easy": SUITE_WITH_TARGETS,
  "finger-spin": SUITE,
  "walker-walk": SUITE,
};

/** @throws ERR_UNKNOWN_RECIPE if nobody has tried the system on this task, or watched it so */
export function requireRecipe(task: string, observation: ObservationKind | undefined): void {
  watching(task, observation);
}

export interface RecipeChoice {
  /** Decisions of an episode: the discount follows from them, as published. */
  readonly episodeSteps: number;
  readonly size?: string | undefined;
  readonly steps?: number | undefined;
  readonly observation?: ObservationKind | undefined;
  /** Of a model of several tasks: action dimensions in use, task by task. */
  readonly actionSizes?: readonly number[] | undefined;
}

/** Learned numbers that tell the networks of several tasks apart: as published, and of the CPU size. */
const TASK_EMBEDDING = { published: 96, cpu: 16 };

/** @param task one, or several with commas between them, as `MultiTaskWorld` calls them @throws ERR_UNKNOWN_RECIPE */
export function recipeFor(
  task: string,
  { episodeSteps, size = "cpu", steps, observation, actionSizes }: RecipeChoice,
): TdMpc2Recipe {
  const { network: published, cpu: forCpu } = watching(task, observation);
  const cpu = size === "cpu" ? forCpu : undefined;
  const online = together(taskNames(task).map((name) => onlineOf(name, observation, size)));
  const discount = discountOf(episodeSteps);
  const embedding = size === "cpu" ? TASK_EMBEDDING.cpu : TASK_EMBEDDING.published;
  const tasks = actionSizes && { tasks: { actionSizes: [...actionSizes], embedding } };
  const network: TdMpc2Config = { ...TD_MPC2_SIZES[size as TdMpc2Size], ...published, ...cpu?.network, ...tasks };
  return {
    size,
    network,
    planner: { ...mppi.defaults, discount, policyCandidates: 24, ...cpu?.planner },
    shortPlanner: { iterations: 3, candidates: 64 },
    learning: { ...PUBLISHED_LEARNING, ...cpu?.learning },
    online: steps === undefined ? online : withSteps(online, steps),
    shiftPx: network.imageEncoder === "keypoints" ? 0 : 3,
    ...(cpu?.policyShare !== undefined && { policyShare: cpu.policyShare }),
  };
}

function onlineOf(task: string, observation: ObservationKind | undefined, size: string): OnlineRecipe {
  return { ...taskRecipe(task).online, ...(size === "cpu" && watching(task, observation).cpu?.online) };
}

/** Several tasks share a run: each gets its own steps and updates. */
function together(recipes: readonly OnlineRecipe[]): OnlineRecipe {
  const sum = (of: (recipe: OnlineRecipe) => number) => recipes.reduce((total, recipe) => total + of(recipe), 0);
  const learnedSteps = ({ steps, randomSteps }: OnlineRecipe) => steps - randomSteps;
  const updates = sum((recipe) => recipe.updatesPerStep * learnedSteps(recipe));
  return {
    ...recipes[0]!,
    updatesPerStep: updates / sum(learnedSteps),
    steps: sum(({ steps }) => steps),
    randomSteps: sum(({ randomSteps }) => randomSteps),
    firstUpdates: sum(({ firstUpdates }) => firstUpdates),
    evaluateEvery: sum(({ evaluateEvery }) => evaluateEvery),
  };
}

function watching(task: string, observation: ObservationKind | undefined): Watching {
  const [found] = taskNames(task).map((name) => taskRecipe(name).watched[observation ?? observationOf(name)]);
  if (found) return found;
  const kinds = Object.keys(taskRecipe(taskNames(task)[0]!).watched);
  throw new LatentloopError(
    "ERR_UNKNOWN_RECIPE",
    `Expected an observation that td-mpc2 has a recipe for on ${task} but received "${observation}".`,
    { remedy: `Known: ${kinds.join(", ")}.` },
  );
}

function taskRecipe(task: string): TaskRecipe {
  const recipe = TASKS[task];
  if (recipe) return recipe;
  throw new LatentloopError(
    "ERR_UNKNOWN_RECIPE",
    `Expected a task that td-mpc2 has a recipe for but received "${task}".`,
    { remedy: `Tasks: ${Object.keys(TASKS).join(", ")}.` },
  );
}
