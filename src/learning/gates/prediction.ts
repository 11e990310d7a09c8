import {
  compareErrors,
  defineGate,
  type Finding,
  failure,
  type Gate,
  nothingToMeasure,
  notWorse,
  type Trial,
} from "./gate.ts";
import type { OpenLoopScore } from "./open-loop.ts";

interface Comparison {
  /** What is held against the live model, over so many steps as both models imagine. */
  errorOf(score: OpenLoopScore, steps: number): number;
  /** What the candidate's score says before any comparison; undefined if nothing. */
  before(score: OpenLoopScore): Finding | undefined;
}

/** A gate that holds one open-loop error against the live model's, over the same steps. */
function predictionGate(name: string, about: string, unit: string, { errorOf, before }: Comparison): Gate {
  return defineGate({
    name,
    about,
    essential: false,
    seesEpisodes: true,
    parameters: notWorse,
    async measure(trial, parameters) {
      const lacking = await cannotPredict(trial, unit);
      if (lacking) return lacking;
      const own = await trial.openLoop(trial.candidate);
      const live = trial.live?.manifest.graphs.imagine && (await trial.openLoop(trial.live));
      const steps = Math.min(own.horizon, live?.horizon ?? own.horizon);
      return before(own) ?? compareErrors(errorOf(own, steps), live && errorOf(live, steps), parameters, unit);
    },
  });
}

async function cannotPredict({ candidate, live, openLoop }: Trial, unit: string): Promise<Finding | undefined> {
  if (!candidate.manifest.graphs.imagine) {
    return live?.manifest.graphs.imagine
      ? failure("the live model imagines, the candidate does not")
      : nothingToMeasure(unit, "the candidate has no graph 'imagine'");
  }
  const { starts, horizon } = await openLoop(candidate);
  return starts > 0 ? undefined : failure(`no held-out episode is longer than the ${horizon} steps of a rollout`);
}

/** A share of a variance of nothing would say of any error that it is none. */
function collapsed({ latentVariance }: OpenLoopScore): Finding | undefined {
  return latentVariance !== 0 ? undefined : failure("its latents are the same at every held-out frame");
}

export const oneStep = predictionGate(
  "one-step",
  "the next latent is foretold not worse than by the live model",
  "variance share",
  { errorOf: ({ latentError }) => latentError[0]!, before: collapsed },
);

export const kStep = predictionGate(
  "k-step",
  "the latent at the end of a rollout is foretold not worse than by the live model",
  "variance share",
  { errorOf: ({ latentError }, steps) => latentError[steps - 1]!, before: collapsed },
);

export const reward = predictionGate(
  "reward",
  "rewards over a rollout are foretold not worse than by the live model",
  "reward",
  {
    errorOf: rewardErrorOver,
    before: ({ rewardsRecorded }) =>
      rewardsRecorded.some((count) => count > 0)
        ? undefined
        : nothingToMeasure("reward", "the held-out episodes do not say"),
  },
);

/** Root mean square over all recorded rewards of the first steps. */
function rewardErrorOver({ rewardError, rewardsRecorded }: OpenLoopScore, steps: number): number {
  let squares = 0;
  let count = 0;
  for (let k = 0; k < steps; k++) {
    if (rewardsRecorded[k] === 0) continue;
    squares += rewardsRecorded[k]! * rewardError[k]! ** 2;
    count += rewardsRecorded[k]!;
  }
  return Math.sqrt(squares / count);
}
