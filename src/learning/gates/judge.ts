import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { InferenceParameters } from "../../inference/placement.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { failure, type Trial, type Verdict } from "./gate.ts";
import { GATES, type GateSettings } from "./index.ts";
import { imaginedSteps, type OpenLoopScore, scoreOpenLoop } from "./open-loop.ts";

/** What all gates said about a candidate. */
export interface Judgement {
  readonly passed: boolean;
  readonly verdicts: readonly Verdict[];
  /** The candidate, where it could be read. */
  readonly bundle: Bundle | undefined;
}

export interface JudgeOptions {
  readonly live: Bundle | undefined;
  /** Episodes that no model of the trial was trained on; asked for once, when the first gate wants to see them. */
  readonly heldOut: (candidate: Bundle) => Promise<EpisodeStore>;
  readonly settings: GateSettings;
  readonly clock: Clock;
  readonly inference: InferenceParameters;
  readonly onVerdict?: (verdict: Verdict) => void;
}

/**
 * Leads a candidate through the gates. Behind a failed essential gate none is asked; behind any other all are, so that the
 * ledger knows every figure. A bundle that cannot be read, or that onnxruntime refuses, is refused and not an error.
 * @throws what `heldOut` throws
 */
export async function judge(folder: string, options: JudgeOptions): Promise<Judgement> {
  const { settings, onVerdict } = options;
  const verdicts: Verdict[] = [];
  const note = (verdict: Verdict) => {
    verdicts.push(verdict);
    onVerdict?.(verdict);
  };
  const candidate = await readBundle(folder).catch(refusalOf);
  if (candidate instanceof LatentloopError) {
    note({ gate: "bundle", ...failure(candidate.message) });
    return { passed: false, verdicts, bundle: undefined };
  }
  const trial = makeTrial(candidate, options);
  for (const gate of GATES) {
    const { enabled, ...parameters } = settings[gate.name]!;
    if (!enabled) {
      note({ gate: gate.name, passed: null, figure: null, limit: null, unit: "", note: "switched off" });
      continue;
    }
    if (gate.seesEpisodes) await trial.heldOut(); // where there are none, that is no fault of the candidate's
    const found = await gate.measure(trial, parameters).catch((thrown) => failure(refusalOf(thrown).message));
    note({ gate: gate.name, ...found });
    if (gate.essential && found.passed === false) break;
  }
  return { passed: verdicts.every(({ passed }) => passed !== false), verdicts, bundle: candidate };
}

function makeTrial(candidate: Bundle, { live, heldOut, clock, inference }: JudgeOptions): Trial {
  const scores = new Map<Bundle, Promise<OpenLoopScore>>();
  let episodes: Promise<EpisodeStore> | undefined;
  const episodesOnce = () => (episodes ??= heldOut(candidate));
  const stepsBehind = Math.max(imaginedSteps(candidate.manifest), live ? imaginedSteps(live.manifest) : 0);
  return {
    candidate,
    live,
    heldOut: episodesOnce,
    clock,
    inference,
    openLoop(bundle) {
      const known = scores.get(bundle) ?? episodesOnce().then((store) => scoreOpenLoop(bundle, store, stepsBehind));
      scores.set(bundle, known);
      return known;
    },
  };
}

/** What is wrong with the candidate; anything else is wrong with us. */
function refusalOf(thrown: unknown): LatentloopError {
  if (thrown instanceof LatentloopError) return thrown;
  throw thrown;
}
