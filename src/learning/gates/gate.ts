import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { OpenLoopScore } from "./open-loop.ts";

/** Everything a gate may look at. */
export interface Trial {
  readonly candidate: Bundle;
  /** The model that acts now; undefined when none does. */
  readonly live: Bundle | undefined;
  /** Episodes that no model of the trial was trained on. */
  heldOut(): Promise<EpisodeStore>;
  readonly clock: Clock;
  readonly inference: InferenceParameters;
  /** Open-loop figures of a bundle on the held-out episodes; measured once. */
  openLoop(bundle: Bundle): Promise<OpenLoopScore>;
}

export const verdictSchema = z.strictObject({
  gate: z.string(),
  /** null: there was nothing to measure or to compare with, or the gate was switched off. */
  passed: z.boolean().nullable(),
  figure: z.number().nullable(),
  /** The figure may be at most this. */
  limit: z.number().nullable(),
  unit: z.string(),
  /** What the figure is made of, or why there is none. */
  note: z.string(),
});
/** What one gate said about one candidate. */
export type Verdict = z.infer<typeof verdictSchema>;

/** A gate's answer: its verdict without its name. */
export type Finding = Omit<Verdict, "gate">;

/** One named check that a candidate must pass before it may act. */
export interface Gate {
  readonly name: string;
  readonly about: string;
  /** Whether the gates behind it make no sense once it has failed. */
  readonly essential: boolean;
  /** Whether it looks at the held-out episodes: they are read before the first such gate, and not earlier. */
  readonly seesEpisodes: boolean;
  /** Its parameters, each with a default. */
  readonly parameters: z.ZodObject;
  /** @param parameters parsed by `parameters` */
  measure(trial: Trial, parameters: unknown): Promise<Finding>;
}

/** A gate whose parameters are typed by its own schema. */
export function defineGate<S extends z.ZodObject>(
  gate: Omit<Gate, "parameters" | "measure"> & {
    readonly parameters: S;
    measure(trial: Trial, parameters: z.output<S>): Promise<Finding>;
  },
): Gate {
  return gate as Gate;
}

/** A figure held against its limit; a figure that is not a number fails. */
export function atMost(figure: number, limit: number, unit: string, note: string): Finding {
  const finite = Number.isFinite(figure);
  return { passed: finite && figure <= limit, figure: finite ? figure : null, limit, unit, note };
}

export function nothingToMeasure(unit: string, note: string): Finding {
  return { passed: null, figure: null, limit: null, unit, note };
}

export function failure(note: string): Finding {
  return { passed: false, figure: null, limit: null, unit: "", note };
}

/** Parameters of the gates that hold a candidate's error against the live model's. */
export const notWorse = z.strictObject({
  tolerance: z.number().min(0).default(0.05).describe("Share by which the error may exceed the live model's."),
  margin: z.number().min(0).default(0).describe("Error below which nothing is held against the candidate."),
});

/**
 * The candidate's error may exceed the live model's by a share. Without a live model there is nothing to compare, nor with one
 * whose own error is no number; a candidate whose error is none fails.
 */
export function compareErrors(
  candidate: number,
  live: number | undefined,
  { tolerance, margin }: z.output<typeof notWorse>,
  unit: string,
): Finding {
  if (!Number.isFinite(candidate)) return { ...failure(`the candidate's error is ${candidate}`), unit };
  if (live === undefined || !Number.isFinite(live)) {
    const why = live === undefined ? "no live model to compare with" : `the live model's error is ${live}`;
    return { ...nothingToMeasure(unit, why), figure: candidate };
  }
  return atMost(candidate, Math.max(margin, (1 + tolerance) * live), unit, `the live model has ${live.toPrecision(4)}`);
}
