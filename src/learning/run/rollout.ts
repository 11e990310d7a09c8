import { Rng } from "../../core/rng.ts";
import type { EpisodeSource, EpisodeStore } from "../episodes/episode-store.ts";
import type { Policy, PolicyInput } from "../policy.ts";
import type { EpisodeStart, TrainingWorld } from "../world/training-world.ts";

export interface RolloutOptions {
  readonly start: EpisodeStart;
  /**
   * Share of a policy step between the capture of an observation and the start of the plan made from it. For that long the
   * plan before it is still in force, as on a real robot. From 0 to 1.
   */
  readonly delay?: number;
  /** The policy's episode before this one: where only the goal moved, what it did last is still under way. */
  readonly before?: RolloutResult | undefined;
  /** At most so many steps; by default the world's. */
  readonly steps?: number;
  /** Receives every frame. */
  readonly store?: EpisodeStore;
  /** What the store notes about who chose the actions; by default random. */
  readonly source?: EpisodeSource;
  readonly onStep?: (step: { readonly index: number; readonly reward: number; readonly success: boolean }) => void;
}

export interface RolloutResult {
  readonly episodeReturn: number;
  readonly lastReward: number;
  /** The task's own criterion at the end. */
  readonly success: boolean;
  readonly steps: number;
  /** The last action that was executed, and the last one that the policy asked for. Shapes: [A] */
  readonly executed: Float32Array;
  readonly planned: Float32Array;
}

/** Puts the world at an episode's start. */
export function beginEpisode(world: TrainingWorld, { kind, seed }: EpisodeStart): void {
  if (kind === "retarget" && world.retarget) world.retarget(new Rng(seed));
  else world.reset(seed);
}

/** One episode of a policy in a world. */
export async function rollOut(world: TrainingWorld, policy: Policy, options: RolloutOptions): Promise<RolloutResult> {
  const { start, delay = 0, steps = world.episodeSteps, store, source = "random", onStep } = options;
  const { cameras, proprioception } = world.observationSpace;
  const actionSize = world.actionSpace.dimensions.length;
  const images = Object.fromEntries(
    cameras.map(({ name, width, height }) => [name, new Uint8Array(width * height * 3)]),
  );
  const sensed = new Float32Array(proprioception.length);
  const goesOn = start.kind === "retarget" ? options.before : undefined;
  const executed = goesOn?.executed.slice() ?? new Float32Array(actionSize);
  const planned = goesOn?.planned.slice() ?? new Float32Array(actionSize);
  const inFlight = new Float32Array(actionSize);
  const writer = store?.begin(start, source);
  let episodeReturn = 0;
  let last = { reward: Number.NaN, success: false };

  const observe = (reward: number, isTerminal = false): number => {
    for (const { name } of cameras) world.renderInto(name, images[name]!);
    world.proprioceptionInto(sensed);
    if (!store || !writer) return -1;
    const frame = writer.nextFrame();
    for (const { name } of cameras) store.borrowImage(name, frame).set(images[name]!);
    store.borrowProprioception(frame).set(sensed);
    store.rewards[frame] = reward;
    store.terminal[frame] = isTerminal ? 1 : 0;
    return frame;
  };

  beginEpisode(world, start);
  let frame = observe(0);
  let index = 0;
  for (let isLast = false; !isLast; ) {
    const input: PolicyInput = {
      images,
      proprioception: sensed,
      executed,
      inFlight,
      inFlightFraction: delay,
      isFirst: index === 0 && start.kind === "reset", // nobody tells a robot that its goal moved
    };
    inFlight.set(planned);
    await policy.act(input, planned);
    for (let i = 0; i < actionSize; i++) {
      const wanted = Math.min(1, Math.max(-1, planned[i]!));
      planned[i] = wanted;
      executed[i] = delay * inFlight[i]! + (1 - delay) * wanted;
    }
    store?.borrowAction(frame).set(executed);
    const { reward, success, isTerminal } = world.step(executed);
    index++;
    isLast = isTerminal || index >= steps;
    episodeReturn += reward;
    last = { reward, success };
    onStep?.({ index, reward, success });
    frame = store || !isLast ? observe(reward, isTerminal) : -1;
  }
  writer?.end();
  return { episodeReturn, lastReward: last.reward, success: last.success, steps: index, executed, planned };
}

/** The world's own random policy. */
export function exploringPolicy(world: TrainingWorld, rng: Rng): Policy {
  const draw = world.randomPolicy(rng);
  return { act: (_input, out) => draw(out) };
}

export interface Interruptions {
  /** How likely a step is the first of one. */
  readonly probability: number;
  readonly longest: number;
}

/**
 * A policy that another one interrupts for a few steps now and then: it shows what all kinds of actions do where the policy goes,
 * which is what its planner has to know.
 */
export function interruptedPolicy(
  policy: Policy,
  other: Policy,
  { probability, longest }: Interruptions,
  rng: Rng,
): Policy {
  let left = 0;
  return {
    async act(input, out) {
      if (left > 0) left--;
      else if (rng.uniform() < probability) left = 1 + rng.integer(longest);
      await policy.act(input, out); // it goes on observing
      if (left > 0) await other.act(input, out);
    },
  };
}

/** A policy whose actions are disturbed by normal noise. */
export function noisyPolicy(policy: Policy, deviation: number, rng: Rng): Policy {
  return {
    async act(input, out) {
      await policy.act(input, out);
      for (let i = 0; i < out.length; i++) out[i]! += deviation * rng.normal();
    },
  };
}

/** Plays given actions. Shapes: actions [T, A] */
export function scriptedPolicy(actions: Float32Array): Policy {
  let next = 0;
  return {
    act(_input, out) {
      out.set(actions.subarray(next, next + out.length));
      next += out.length;
    },
  };
}
