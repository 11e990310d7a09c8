import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import type { Learner } from "../learner.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import type { Evaluation } from "./evaluate.ts";
import type { TrainingRunOptions } from "./training-run.ts";
import type { SurpriseThresholds, TrainingScores } from "./training-scores.ts";

/** What a bundle's manifest says about a finished run. */
export function trainingManifest(
  { system, bundle, seed, recorded }: TrainingRunOptions,
  world: TrainingWorld,
  learner: Learner,
  { ideal, deployed, random }: TrainingScores,
  surprise: SurpriseThresholds,
): Omit<Manifest, "formatVersion" | "graphs"> {
  const { task } = world;
  const scoresOf = (suffix: string, { episodes, successRate, meanReturn, meanFinalDistanceM }: Evaluation) => [
    { task, metric: `success_rate${suffix}`, value: successRate, episodes },
    { task, metric: `mean_return${suffix}`, value: meanReturn, episodes },
    ...(meanFinalDistanceM === undefined
      ? []
      : [{ task, metric: `mean_final_distance_m${suffix}`, value: meanFinalDistanceM, episodes }]),
  ];
  const { episodes, steps } = learner.collected;
  return {
    name: bundle.name,
    algorithm: { name: system.name, hyperparameters: z.record(z.string(), z.json()).parse(learner.hyperparameters) },
    ...spacesOfWorld(world),
    latentSize: learner.latentSize,
    surpriseLimit: surprise.limit > 0 ? surprise.limit : null,
    ...(surprise.warn > 0 && { surpriseWarn: surprise.warn }),
    ...(surprise.scene && { scene: surprise.scene }),
    training: {
      data: [{ source: recorded?.source ?? `simulated task ${task}`, sha256: null, episodes, steps }],
      command: bundle.command,
      seed,
    },
    evaluation: [...scoresOf("", ideal), ...scoresOf("_deployed", deployed), ...scoresOf("_random_policy", random)],
    licence: "Apache-2.0",
  };
}

/** What a model of this world senses and does, as a manifest says it. */
export function spacesOfWorld(world: TrainingWorld): Pick<Manifest, "observation" | "action" | "policyRateHz"> {
  return {
    observation: {
      cameras: world.observationSpace.cameras.map(({ name, width, height }) => ({
        name,
        width,
        height,
        colorOrder: "rgb",
        crop: null,
        calibrationSha256: null,
      })),
      proprioception: [...world.proprioceptionFeatures],
    },
    action: { dimensions: [...world.actionSpace.dimensions] },
    policyRateHz: world.controlRateHz,
  };
}
