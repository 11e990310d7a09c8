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

/** A gate that holds one open-loop error against the live model's. */
function predictionGate(name: string, about: string, unit: string, errorOf: (score: OpenLoopScore) => number): Gate {
  return defineGate({
    name,
    about,
    essential: false,
    parameters: notWorse,
    async measure(trial, parameters) {
      const lacking = await cannotPredict(trial, unit);
      if (lacking) return lacking;
      const own = errorOf(await trial.openLoop(trial.candidate));
      const live = trial.live?.manifest.graphs.imagine && errorOf(await trial.openLoop(trial.live));
      if (Number.isNaN(own) && (live === undefined || Number.isNaN(live))) {
        return nothingToMeasure(unit, "the held-out episodes do not say");
      }
      return compareErrors(own, live, parameters, unit);
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

export const oneStep = predictionGate(
  "one-step",
  "the next latent is foretold not worse than by the live model",
  "variance share",
  ({ latentError }) => latentError[0]!,
);

export const kStep = predictionGate(
  "k-step",
  "the latent at the end of a rollout is foretold not worse than by the live model",
  "variance share",
  ({ latentError }) => latentError.at(-1)!,
);

export const reward = predictionGate(
  "reward",
  "rewards over a rollout are foretold not worse than by the live model",
  "reward",
  ({ rewardError }) => Math.sqrt(rewardError.reduce((sum, error) => sum + error ** 2, 0) / rewardError.length),
);
