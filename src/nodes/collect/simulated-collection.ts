import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { Rng } from "../../core/rng.ts";
import type { EpisodeKeeper } from "../../replay/episode-keeper.ts";
import type { Recording } from "../../replay/recording.ts";
import { SAFETY_DEFAULTS } from "../../safety/index.ts";
import type { Score, SimulatedEnvironment } from "../../sim/environment.ts";
import type { ControlSetup } from "../control/control-setup.ts";
import { ExecutedActions } from "../control/executed-actions.ts";
import type { CollectingPolicy } from "./collecting-policy.ts";
import { LoopLog } from "./loop-log.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { VirtualLoop } from "./virtual-loop.ts";

export interface SimulatedCollectionOptions {
  readonly environment: SimulatedEnvironment;
  readonly policy: CollectingPolicy;
  readonly recording: Recording;
  readonly keeper: EpisodeKeeper;
  /** Episodes of this run. */
  readonly episodes: number;
  /** Control steps of an episode. */
  readonly episodeSteps: number;
  /** Episode n starts from seed + n, whenever it is recorded. */
  readonly seed: number;
  readonly cameras: readonly string[];
  readonly imageRateHz: number;
  /** Simulated time begins at this clock's time and then runs ahead of it. */
  readonly clock: Clock;
  readonly stopSignal: AbortSignal;
  readonly onEpisode: (episode: CollectedEpisode) => void;
}

export interface CollectedEpisode {
  readonly number: number;
  readonly return: number;
  readonly success: boolean;
}

export interface SimulatedCollectionSummary {
  readonly episodes: readonly CollectedEpisode[];
  readonly simulatedSeconds: number;
  readonly messages: ReadonlyMap<string, number>;
  readonly dropped: number;
}

/** An arm that starts in the air sags into its servos first. */
const ARMING_PATIENCE_S = 3;
/** A start from rest needs no long ramp in a simulation, and a demonstration should not begin with one. */
const SOFT_START_MS = 100;
/** Bytes that may wait for the disk before the simulation waits for it. */
const MAX_PENDING_BYTES = 64e6;

/**
 * Episodes of a policy in simulated time, recorded on the topics that the real-time loop has, as fast as they are computed.
 *
 * Every episode starts anew from its own seed and goes through the control loop with its safety gate.
 * @throws ERR_RECORDING when the recording stops early, ERR_CONTROL_LOOP when the gate refuses to let the robot move
 */
export async function collectSimulated(options: SimulatedCollectionOptions): Promise<SimulatedCollectionSummary> {
  return await new Collection(options).run();
}

class Collection {
  readonly #options: SimulatedCollectionOptions;
  readonly #setup: ControlSetup;
  readonly #log: LoopLog;
  readonly #clock: VirtualClock;
  readonly #executed: Float32Array;
  readonly #action: Float32Array;
  readonly #collected: CollectedEpisode[] = [];
  #actions: ExecutedActions;
  #planId = 0;
  #lastPlanNs = Number.NEGATIVE_INFINITY;
  /** Of the episode that runs; its step's outcome is written down when the simulator scores it. */
  #steps = 0;
  #return = 0;
  #seconds = 0;

  constructor(options: SimulatedCollectionOptions) {
    const { environment, recording, cameras, clock } = options;
    this.#options = options;
    this.#setup = setupOf(environment);
    this.#clock = new VirtualClock(1e9, clock.rosNs());
    this.#log = new LoopLog({ recording, environment, cameras, clock: this.#clock });
    this.#executed = new Float32Array(environment.actionSpace.dimensions.length);
    this.#action = new Float32Array(this.#executed.length);
    this.#actions = this.#freshActions();
  }

  async run(): Promise<SimulatedCollectionSummary> {
    const { episodes, stopSignal, recording, onEpisode } = this.#options;
    for (let i = 0; i < episodes && !stopSignal.aborted; i++) {
      const episode = await this.#play();
      if (episode === undefined) break;
      await recording.sync();
      await recording.checkDisk();
      if (recording.stopped !== undefined) {
        throw new LatentloopError("ERR_RECORDING", `The recording stopped: ${recording.stopped}.`);
      }
      this.#collected.push(episode);
      onEpisode(episode);
    }
    return {
      episodes: this.#collected,
      simulatedSeconds: this.#seconds,
      messages: this.#log.counts,
      dropped: this.#log.dropped,
    };
  }

  /** One episode; undefined when it was cut by the stop, and so discarded. */
  async #play(): Promise<CollectedEpisode | undefined> {
    const { environment, policy, keeper, seed, stopSignal } = this.#options;
    const number = keeper.nextNumber;
    environment.reset(seed + number);
    policy.begin(new Rng(seed + number));
    this.#actions = this.#freshActions();
    this.#lastPlanNs = Number.NEGATIVE_INFINITY;
    const loop = this.#openLoop();
    await this.#arm(loop);
    this.#log.episode(keeper.begin(this.#clock.rosNs(), environment.task));
    this.#steps = 0;
    this.#return = 0;
    while (keeper.running !== undefined) {
      await this.#advance(loop);
      if (stopSignal.aborted && keeper.running !== undefined) {
        this.#log.episode(keeper.discard(this.#clock.rosNs()));
        return undefined;
      }
    }
    return { number, return: this.#return, success: environment.score().success };
  }

  async #arm(loop: VirtualLoop): Promise<void> {
    const { commandRateHz } = this.#setup.safety;
    let refusal = "inactive";
    for (let i = 0; i < ARMING_PATIENCE_S * commandRateHz; i++) {
      const answer = loop.arm();
      await this.#advance(loop);
      refusal = await answer;
      if (refusal === "none") return;
    }
    throw new LatentloopError(
      "ERR_CONTROL_LOOP",
      `The gate refused to arm the simulated robot for ${ARMING_PATIENCE_S} s: ${refusal}.`,
    );
  }

  /** One command period: world, policy, control loop. */
  async #advance(loop: VirtualLoop): Promise<void> {
    const { recording, policy } = this.#options;
    loop.sense();
    this.#seconds += 1 / this.#setup.safety.commandRateHz;
    const nowNs = this.#clock.monotonicNs();
    const periodNs = 1e9 / policy.rateHz;
    if (nowNs - this.#lastPlanNs >= periodNs - 1) {
      loop.follow(await this.#plan(loop, nowNs, periodNs));
      await yieldToEvents(); // signals and keys
      if (recording.pendingBytes > MAX_PENDING_BYTES) await recording.sync();
    }
    loop.control();
  }

  async #plan(loop: VirtualLoop, nowNs: number, periodNs: number): Promise<Plan> {
    const { environment, policy } = this.#options;
    const isFirst = this.#lastPlanNs === Number.NEGATIVE_INFINITY;
    this.#actions.meanInto(isFirst ? nowNs : this.#lastPlanNs, nowNs, this.#executed);
    const { positions, velocities } = loop;
    await policy.act({ environment, positions, velocities, executed: this.#executed, isFirst }, this.#action);
    this.#lastPlanNs = nowNs;
    const plan: Plan = {
      id: ++this.#planId,
      actions: Float32Array.from([...this.#action, ...this.#action]), // the second step is there until the next plan is
      horizon: 2,
      actionDimension: this.#action.length,
      startNs: nowNs,
      stepPeriodNs: periodNs,
      observationStampNs: this.#clock.rosNs(),
      observationArrivalNs: nowNs,
      modelHash: policy.modelHash,
      rung: policy.rung,
      value: Number.NaN,
      surprise: 0,
      delayNs: 0,
      computeNs: 0,
    };
    this.#log.plan(plan);
    return plan;
  }

  #openLoop(): VirtualLoop {
    const { environment, cameras, imageRateHz } = this.#options;
    return new VirtualLoop({
      environment,
      setup: this.#setup,
      clock: this.#clock,
      cameras,
      imageRateHz,
      ports: {
        onJointState: (names, position, velocity, stampNs) => this.#log.jointState(names, position, velocity, stampNs),
        onImage: (camera, pixels, stampNs) => this.#log.image(camera, pixels, stampNs),
        onScore: (score, stampNs) => this.#score(score, stampNs),
        onCommand: (values) => this.#log.command(values),
        onTick: (record) => {
          this.#actions.append(record.get("commandNs"), record.executedAction);
          this.#log.tick(record);
        },
      },
    });
  }

  #score({ reward, success }: Score, stampNs: bigint): void {
    const { keeper, episodeSteps } = this.#options;
    if (keeper.running === undefined) return;
    this.#steps++;
    this.#return += reward;
    const outcome = { reward, intervention: false };
    this.#log.episode(
      this.#steps < episodeSteps
        ? keeper.step(stampNs, outcome)
        : keeper.end(stampNs, { ...outcome, success, isTerminal: false }),
    );
  }

  #freshActions(): ExecutedActions {
    const { environment } = this.#options;
    const rest = Float32Array.from(
      environment.actionSpace.dimensions,
      ({ low, high }) => (-2 * low) / (high - low) - 1,
    );
    return new ExecutedActions(rest, 1.5e9 / environment.commandRateHz);
  }
}

/** @throws ERR_SIM_TASK for a task without joints to command */
function setupOf({ robot, actionSpace, commandRateHz, task }: SimulatedEnvironment): ControlSetup {
  if (robot === undefined) {
    throw new LatentloopError(
      "ERR_SIM_TASK",
      `The task ${task} moves no robot joints, so no control loop can drive it.`,
      {
        remedy: "Collect from reach, arm-reach or arm-push.",
      },
    );
  }
  return {
    safety: { ...SAFETY_DEFAULTS, robot, commandRateHz, softStartMs: SOFT_START_MS },
    actionSpace,
    maxHorizon: 2,
    blendMs: 50,
    priority: 0,
  };
}
