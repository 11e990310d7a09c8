import { Rng } from "../../core/rng.ts";
import { conformalThreshold } from "../../math/conformal.ts";
import { Cusum } from "../../math/cusum.ts";
import { Samples } from "../../math/samples.ts";
import type { BundlePolicy } from "../bundle/bundle-policy.ts";
import { rollOut } from "../run/rollout.ts";
import { FAULTS, type Fault, type FaultyWorld } from "./faulty-world.ts";
import { calibrateKnownScene, type SceneThresholds } from "./scene-watch.ts";
import type { StepSigns, WatchedPolicy } from "./watched-policy.ts";

export interface SurpriseTrialOptions {
  /** Surprise above which the robot stops. The one above which it slows down is calibrated first. */
  readonly stop: number;
  /** Asked of each calibration, per step. */
  readonly falseAlarmRate: number;
  /** Episodes to calibrate on, as many without a fault to count false alarms, and as many with each fault. */
  readonly episodes: number;
  readonly seed: number;
  /** To rehearse: some of `FaultyWorld.faults`. */
  readonly faults: readonly Fault[];
  readonly onEpisode?: (done: number) => void;
}

/** What noticed a fault. */
export const SIGNS = ["surprise", "scene", "frozen"] as const;
export type Sign = (typeof SIGNS)[number];

/** How soon one fault was noticed. */
export interface FaultFigures {
  readonly fault: Fault;
  readonly about: string;
  /** Share of the episodes in which something was noticed within the time allowed, by any sign and by each of them. */
  readonly noticed: number;
  readonly noticedBy: Readonly<Record<Sign, number>>;
  /** Share in which the surprise rose above the limit at which the robot stops, or pictures were frozen. */
  readonly stopped: number;
  /** Policy steps from the first wrong observation to the first sign; NaN when there was none. */
  readonly medianDelaySteps: number;
}

export interface SurpriseTrial {
  /** Calibrated on episodes of their own. */
  readonly slow: number;
  readonly scene: SceneThresholds | undefined;
  /** Steps without a fault, and the share of them that raise an alarm by any sign and by each of them. */
  readonly nominalSteps: number;
  readonly falseAlarms: number;
  readonly falseAlarmsBy: Readonly<Record<Sign, number>>;
  readonly falseStopRate: number;
  readonly faults: readonly FaultFigures[];
}

/** A fault that is not noticed within this many steps counts as missed. */
export const PATIENCE_STEPS = 20;

/** Plays fresh episodes with a bundle: calibrates, counts false alarms on others, then true ones for each fault at a random step. */
export async function trySurprise(
  faulty: FaultyWorld,
  policy: BundlePolicy,
  watched: WatchedPolicy,
  { stop, falseAlarmRate, episodes, seed, faults: wanted, onEpisode }: SurpriseTrialOptions,
): Promise<SurpriseTrial> {
  const rng = new Rng(seed);
  let played = 0;
  const play = async (fault: Fault | undefined, fromStep: number): Promise<readonly StepSigns[]> => {
    faulty.rehearse(fault, fromStep);
    policy.begin(rng.fork());
    await rollOut(faulty.world, watched, { start: { kind: "reset", seed: seed + played } });
    onEpisode?.(++played);
    return watched.take();
  };
  const playNominal = async (): Promise<(readonly StepSigns[])[]> => {
    const all: (readonly StepSigns[])[] = [];
    for (let i = 0; i < episodes; i++) all.push((await play(undefined, 0)).slice(1));
    return all;
  };

  const calibration = await playNominal();
  const { threshold: slow } = conformalThreshold(
    calibration.flat().map(({ surprise }) => surprise),
    falseAlarmRate,
  );
  const errors = calibration.map((signs) => signs.map(({ sceneError }) => sceneError));
  const scene = calibrateKnownScene(errors, falseAlarmRate);

  /** Which signs each step shows. */
  const alarmsOf = (signs: readonly StepSigns[]) => {
    const sum = scene && new Cusum(scene.reference);
    return signs.map(({ surprise, sceneError, frozen }) => ({
      surprise: !(surprise <= slow),
      scene: sum !== undefined && sum.add(sceneError) > scene!.warn,
      frozen,
      stops: frozen || !(surprise <= stop),
    }));
  };
  const any = (alarm: Readonly<Record<Sign, boolean>>) => SIGNS.some((sign) => alarm[sign]);
  const nominal = (await playNominal()).flatMap(alarmsOf);
  const shareOf = (of: (alarm: (typeof nominal)[number]) => boolean) => nominal.filter(of).length / nominal.length;

  const faults: FaultFigures[] = [];
  for (const fault of wanted) {
    const delays = new Samples();
    const noticed = { surprise: 0, scene: 0, frozen: 0 };
    let stopped = 0;
    for (let i = 0; i < episodes; i++) {
      const latest = faulty.world.episodeSteps - PATIENCE_STEPS;
      const fromStep = 2 + rng.integer(Math.max(1, latest - 2));
      const alarms = alarmsOf(await play(fault, fromStep)).slice(fromStep, fromStep + PATIENCE_STEPS);
      const delay = alarms.findIndex(any);
      if (delay >= 0) delays.add(delay);
      for (const sign of SIGNS) if (alarms.some((alarm) => alarm[sign])) noticed[sign]++;
      if (alarms.some(({ stops }) => stops)) stopped++;
    }
    faults.push({
      fault,
      about: FAULTS[fault],
      noticed: delays.count / episodes,
      noticedBy: {
        surprise: noticed.surprise / episodes,
        scene: noticed.scene / episodes,
        frozen: noticed.frozen / episodes,
      },
      stopped: stopped / episodes,
      medianDelaySteps: delays.percentile(0.5),
    });
  }
  return {
    slow,
    scene,
    nominalSteps: nominal.length,
    falseAlarms: shareOf(any),
    falseAlarmsBy: {
      surprise: shareOf((alarm) => alarm.surprise),
      scene: shareOf((alarm) => alarm.scene),
      frozen: shareOf((alarm) => alarm.frozen),
    },
    falseStopRate: shareOf(({ stops }) => stops),
    faults,
  };
}
