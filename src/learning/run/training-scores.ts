import { Rng } from "../../core/rng.ts";
import { conformalThreshold } from "../../math/conformal.ts";
import { BundlePolicy } from "../bundle/bundle-policy.ts";
import { fillGraphs } from "../bundle/fill-graphs.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import { type Imagination, imagine, playRandomEpisode } from "../imagination.ts";
import type { Learner } from "../learner.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { calibrateKnownScene, type SceneThresholds } from "../surprise/scene-watch.ts";
import { type StepSigns, WatchedPolicy } from "../surprise/watched-policy.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { exploringPolicy } from "./rollout.ts";

export interface TrainingScores {
  /** Every episode starts from a random pose, plans act at once. */
  readonly ideal: Evaluation;
  /** Plans act late, and the robot goes on from where it is when the goal moves. */
  readonly deployed: Evaluation;
  readonly random: Evaluation;
}

/** A round is judged on so many decisions, within these numbers of episodes. */
const ROUND_STEPS = 1000;
const ROUND_EPISODES = { fewest: 4, most: 20 };
/** The best round was the best on few episodes: against the last one it plays so many times as many. */
const CHOICE_SHARE = 2;
/** Seeds of evaluation episodes: rounds, the choice between two and the final one are judged on different ones. */
const SEEDS = { round: 1_000_000, choice: 1_500_000, final: 2_000_000, planner: 77, imagination: 3_000_000 };
/** What evaluation calls deployed: a delay in policy steps, and episodes in a row that only move the goal. */
export const DEPLOYED = { delay: 0.4, episodesPerReset: 10 };
/** Share of the steps of undisturbed episodes in which surprise may slow the robot down. */
export const FALSE_ALARM_RATE = 1e-3;
/** How much more surprise than in any evaluated step, goals that jump among them, stops the robot. */
export const STOP_MARGIN = 2;

/** Surprise above which the robot slows down, and above which it stops. */
export interface SurpriseThresholds {
  readonly warn: number;
  readonly limit: number;
  /** When the scene counts as another one; absent where the model paints no images. */
  readonly scene?: SceneThresholds | undefined;
}

/** What whoever waits for a judgement may want. */
export interface JudgingOptions {
  readonly session?: SessionOptions;
  readonly onEpisode?: (done: number, episodes: number) => void;
  /** Ends it at the next step, by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How well the model acts after a round, and what it imagines. */
export async function judgeRound(
  learner: Learner,
  weights: Weights,
  judge: TrainingWorld,
  judging: JudgingOptions = {},
): Promise<{ evaluation: Evaluation; imagination: Imagination | undefined }> {
  const { session = {} } = judging;
  const onnx = fillGraphs(learner.graphs, weights, ["encode", "observe", "plan", "act", "imagine", "decode"]);
  const evaluation = await play(onnx, judge, { episodes: roundEpisodes(judge), seed: SEEDS.round }, judging);
  const seed = SEEDS.imagination;
  const imagination = onnx.has("decode")
    ? await imagine(await playRandomEpisode(judge, seed), judge.observationSpace.cameras, onnx, {
        seed,
        seenSteps: 4,
        steps: 16,
        session,
      })
    : undefined;
  return { evaluation, imagination };
}

/** What weights come to on episodes that no round was judged on: the same ones whatever the weights. */
export function judgeChoice(
  learner: Learner,
  weights: Weights,
  judge: TrainingWorld,
  judging: JudgingOptions = {},
): Promise<Evaluation> {
  const onnx = fillGraphs(learner.graphs, weights, ["encode", "observe", "plan", "act"]);
  return play(onnx, judge, { episodes: CHOICE_SHARE * roundEpisodes(judge), seed: SEEDS.choice }, judging);
}

async function play(
  onnx: ReadonlyMap<string, Uint8Array>,
  judge: TrainingWorld,
  { episodes, seed }: { readonly episodes: number; readonly seed: number },
  { session = {}, onEpisode, signal }: JudgingOptions,
): Promise<Evaluation> {
  const policy = await BundlePolicy.open(onnx, new Rng(SEEDS.planner), { session });
  try {
    return await evaluate(judge, policy, {
      episodes,
      seed,
      onEpisode: (done) => onEpisode?.(done, episodes),
      ...(signal && { signal }),
    });
  } finally {
    await policy.close();
  }
}

function roundEpisodes({ episodeSteps }: TrainingWorld): number {
  const { fewest, most } = ROUND_EPISODES;
  return Math.min(most, Math.max(fewest, Math.round(ROUND_STEPS / episodeSteps)));
}

/**
 * The scores that go into the manifest, and the surprise thresholds: the robot slows down at a rate calibrated on the steps
 * of undisturbed episodes, and stops beyond twice anything that these and the deployed ones showed.
 */
export async function judgeFinally(
  learner: Learner,
  weights: Weights,
  judge: TrainingWorld,
  episodes: number,
  { session = {}, onEpisode, signal }: JudgingOptions = {},
): Promise<{ scores: TrainingScores; surprise: SurpriseThresholds }> {
  const onnx = fillGraphs(learner.graphs, weights, ["encode", "observe", "plan", "act", "decode"]);
  const policy = await BundlePolicy.open(onnx, new Rng(SEEDS.planner), { session });
  const decode = onnx.has("decode") ? await LocalGraph.open(onnx.get("decode")!, session) : undefined;
  const watched = new WatchedPolicy(policy, decode, judge, Number.POSITIVE_INFINITY);
  try {
    const seed = SEEDS.final;
    const canMove = judge.retarget !== undefined;
    let played = 0;
    const common = {
      episodes,
      seed,
      onEpisode: () => onEpisode?.(++played, 3 * episodes),
      ...(signal && { signal }),
    };
    const ideal = await evaluate(judge, watched, common);
    const undisturbed = watched.take();
    const deployed = await evaluate(judge, watched, {
      ...common,
      delay: DEPLOYED.delay,
      ...(canMove && { episodesPerReset: DEPLOYED.episodesPerReset }),
    });
    const random = await evaluate(judge, exploringPolicy(judge, new Rng(seed)), common);
    const surpriseOf = (signs: readonly StepSigns[]) =>
      signs.filter(({ isFirst }) => !isFirst).map(({ surprise }) => surprise);
    const { threshold: warn } = conformalThreshold(surpriseOf(undisturbed), FALSE_ALARM_RATE);
    const all = [...surpriseOf(undisturbed), ...surpriseOf(watched.take())];
    const limit = STOP_MARGIN * all.reduce((most, value) => Math.max(most, value), 0);
    const scene = sceneOf(undisturbed);
    return { scores: { ideal, deployed, random }, surprise: { warn, limit, scene } };
  } finally {
    await policy.close();
    await decode?.close();
  }
}

/** When a scene counts as another one, by undisturbed episodes. */
function sceneOf(steps: readonly StepSigns[]): SceneThresholds | undefined {
  const episodes: number[][] = [];
  for (const { isFirst, sceneError } of steps) {
    if (isFirst) episodes.push([]);
    episodes.at(-1)?.push(sceneError);
  }
  return calibrateKnownScene(episodes, FALSE_ALARM_RATE);
}
