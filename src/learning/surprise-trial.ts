import { Rng } from "../core/rng.ts";
import { conformalThreshold } from "../math/conformal.ts";
import { Samples } from "../math/samples.ts";
import type { BundlePolicy } from "./bundle-policy.ts";
import { FAULTS, type Fault, type FaultyWorld } from "./faulty-world.ts";
import type { Policy } from "./policy.ts";
import { rollOut } from "./rollout.ts";

export interface SurpriseTrialOptions {
  /** Surprise above which the robot stops. The one above which it slows down is calibrated first. */
  readonly stop: number;
  /** Asked of the calibration, per step. */
  readonly falseAlarmRate: number;
  /** Episodes to calibrate on, as many without a fault to count false alarms, and as many with each fault. */
  readonly episodes: number;
  readonly seed: number;
  readonly onEpisode?: (done: number) => void;
}

/** How soon one fault was noticed. */
export interface FaultFigures {
  readonly fault: Fault;
  readonly about: string;
  /** Share of the episodes in which the surprise rose above the threshold within the time allowed. */
  readonly slowed: number;
  readonly stopped: number;
  /** Policy steps from the first wrong observation to the first surprise above `slow`; NaN when none was. */
  readonly medianDelaySteps: number;
}

export interface SurpriseTrial {
  /** Calibrated on episodes of their own. */
  readonly slow: number;
  /** Steps without a fault, and the share of them above each threshold. */
  readonly nominalSteps: number;
  readonly falseSlowRate: number;
  readonly falseStopRate: number;
  readonly faults: readonly FaultFigures[];
}

/** A fault that is not noticed within this many steps counts as missed. */
const PATIENCE_STEPS = 10;

/** Plays fresh episodes with a bundle: calibrates, counts false alarms on others, then true ones for each fault at a random step. */
export async function trySurprise(
  faulty: FaultyWorld,
  policy: BundlePolicy,
  { stop, falseAlarmRate, episodes, seed, onEpisode }: SurpriseTrialOptions,
): Promise<SurpriseTrial> {
  const rng = new Rng(seed);
  let played = 0;
  const play = async (fault: Fault | undefined, fromStep: number): Promise<number[]> => {
    const surprise: number[] = [];
    faulty.rehearse(fault, fromStep);
    policy.begin(rng.fork());
    await rollOut(faulty.world, listening(policy, surprise), { start: { kind: "reset", seed: seed + played } });
    onEpisode?.(++played);
    return surprise;
  };

  const playNominal = async (): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < episodes; i++) all.push(...(await play(undefined, 0)).slice(1));
    return all;
  };
  const { threshold: slow } = conformalThreshold(await playNominal(), falseAlarmRate);
  const nominal = await playNominal();
  const above = (limit: number) => nominal.filter((value) => value > limit).length / nominal.length;

  const faults: FaultFigures[] = [];
  for (const fault of Object.keys(FAULTS) as Fault[]) {
    if (fault === "pushed" && faulty.world.retarget === undefined) continue;
    const delays = new Samples();
    let stopped = 0;
    for (let i = 0; i < episodes; i++) {
      const latest = faulty.world.episodeSteps - PATIENCE_STEPS;
      const fromStep = 2 + rng.integer(Math.max(1, latest - 2));
      const after = (await play(fault, fromStep)).slice(fromStep, fromStep + PATIENCE_STEPS);
      const delay = after.findIndex((value) => !(value <= slow));
      if (delay >= 0) delays.add(delay);
      if (after.some((value) => !(value <= stop))) stopped++;
    }
    const slowed = delays.count / episodes;
    const medianDelaySteps = delays.percentile(0.5);
    faults.push({ fault, about: FAULTS[fault], slowed, stopped: stopped / episodes, medianDelaySteps });
  }
  return { slow, nominalSteps: nominal.length, falseSlowRate: above(slow), falseStopRate: above(stop), faults };
}

/** The policy, with its surprise written down at every step. */
function listening(policy: BundlePolicy, surprise: number[]): Policy {
  return {
    async act(input, out) {
      await policy.act(input, out);
      surprise.push(policy.surprise);
    },
  };
}
