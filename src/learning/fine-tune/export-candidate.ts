import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import { type ExportedBundle, exportBundle } from "../bundle/export-bundle.ts";
import { fillGraphs } from "../bundle/fill-graphs.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { FineTuner } from "./fine-tuner.ts";
import { type RecordedStores, recordedThresholds } from "./recorded-thresholds.ts";

export interface CandidateOptions {
  readonly tuner: Pick<FineTuner, "graphs" | "latentSize" | "hyperparameters" | "weights">;
  /** What it was fine-tuned from. */
  readonly parent: Bundle;
  /** Surprise and scene are calibrated on them. */
  readonly recorded: RecordedStores;
  /** What was trained on, for the manifest. */
  readonly data: Manifest["training"]["data"];
  readonly command: string;
  readonly seed: number;
  readonly session?: SessionOptions;
}

/**
 * Writes what a fine-tuning run has learned so far as a bundle that can be proposed: same name, spaces and rates as its parent,
 * thresholds of surprise and scene anew, parity sample, and where it came from.
 * @throws those of `exportBundle`
 */
export async function exportCandidate(folder: string, options: CandidateOptions): Promise<ExportedBundle> {
  const { tuner, parent, recorded, data, command, seed, session } = options;
  const parameters = await tuner.weights();
  const surprise = await recordedThresholds(
    fillGraphs(tuner.graphs, parameters, ["encode", "observe", "decode"]),
    recorded,
    session,
  );
  const { name, observation, action, policyRateHz, algorithm, licence } = parent.manifest;
  return exportBundle(folder, {
    graphs: tuner.graphs,
    parameters,
    manifest: {
      name,
      algorithm: { name: algorithm.name, hyperparameters: hyperparametersOf(tuner) },
      observation,
      action,
      policyRateHz,
      latentSize: tuner.latentSize,
      surpriseLimit: surprise.limit > 0 ? surprise.limit : null,
      ...(surprise.warn > 0 && { surpriseWarn: surprise.warn }),
      ...(surprise.scene && { scene: surprise.scene }),
      training: { data, command, seed, parent: { name, hash: parent.modelHash } },
      evaluation: [],
      licence,
    },
  });
}

function hyperparametersOf({ hyperparameters }: Pick<FineTuner, "hyperparameters">) {
  return z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(hyperparameters)));
}

/** A store's share of a candidate's provenance. */
export function provenanceOf(source: string, store: EpisodeStore): Manifest["training"]["data"][number] {
  return { source, sha256: null, episodes: store.episodes.length, steps: store.steps };
}
