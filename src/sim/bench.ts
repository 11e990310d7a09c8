import type { Clock } from "../core/clock.ts";
import { Rng } from "../core/rng.ts";
import type { SimulatedEnvironment } from "./environment.ts";
import { createEnvironment, TASKS } from "./index.ts";
import { randomPolicy } from "./random-policy.ts";
import { RealtimeRobot } from "./realtime-robot.ts";
import type { RealtimeTiming } from "./realtime-worker.ts";

export interface RenderRate {
  readonly task: string;
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
}

export interface StepRate {
  readonly task: string;
  readonly stepsPerSecond: number;
  /** With one picture of the task's own size per step. */
  readonly stepsWithImagePerSecond: number;
}

export const RENDER_SIZES = [
  { width: 64, height: 64 },
  { width: 128, height: 128 },
  { width: 640, height: 480 },
] as const;

/** Frames per second of a task's first camera at each size, measured for about `seconds` each. */
export async function measureRendering(clock: Clock, task: string, seconds: number): Promise<RenderRate[]> {
  const rates: RenderRate[] = [];
  for (const { width, height } of RENDER_SIZES) {
    using plain = await createEnvironment(task);
    const camera = plain.observationSpace.cameras[0]!.name;
    using environment = await createEnvironment(task, { imageSizes: { [camera]: { width, height } }, seed: 1 });
    const image = new Uint8Array(width * height * 3);
    const framesPerSecond = rate(clock, seconds, () => environment.renderInto(camera, image));
    rates.push({ task, camera, width, height, framesPerSecond });
  }
  return rates;
}

/** Control steps per second of every task under random actions. */
export async function measureStepping(clock: Clock, seconds: number): Promise<StepRate[]> {
  const rates: StepRate[] = [];
  for (const { name: task } of TASKS) {
    using environment = await createEnvironment(task, { seed: 1 });
    const { name: camera, width, height } = environment.observationSpace.cameras[0]!;
    const image = new Uint8Array(width * height * 3);
    const step = randomSteps(environment);
    const stepsPerSecond = rate(clock, seconds, step);
    const stepsWithImagePerSecond = rate(clock, seconds, () => {
      step();
      environment.renderInto(camera, image);
    });
    rates.push({ task, stepsPerSecond, stepsWithImagePerSecond });
  }
  return rates;
}

/** How well a robot with a camera of the given size keeps up with real time. */
export async function measureRealtime(
  clock: Clock,
  task: string,
  size: { readonly width: number; readonly height: number },
  seconds: number,
): Promise<RealtimeTiming & { readonly images: number }> {
  using plain = await createEnvironment(task);
  const imageSizes = Object.fromEntries(plain.observationSpace.cameras.map(({ name }) => [name, size]));
  let images = 0;
  let received = 0;
  let robot: RealtimeRobot | undefined;
  await new Promise<void>((resolve, reject) => {
    const ports = {
      onJointState: () => {},
      onImage: () => images++,
      onScore: () => {
        if (++received >= seconds * plain.controlRateHz) resolve();
      },
      onError: reject,
    };
    RealtimeRobot.start({ task, environment: { imageSizes }, clock, ports }).then((started) => {
      robot = started;
    }, reject);
  }).finally(() => robot?.close());
  return { ...robot!.timing!, images };
}

function randomSteps(environment: SimulatedEnvironment): () => void {
  const next = randomPolicy(new Rng(1), environment.actionSpace.dimensions.length);
  const action = new Float32Array(environment.actionSpace.dimensions.length);
  let episode = 1;
  return () => {
    next(action);
    if (environment.step(action).isLast) environment.reset(++episode);
  };
}

/** Calls per second, after a quarter of the time to warm up. */
function rate(clock: Clock, seconds: number, call: () => void): number {
  const warmEndNs = clock.monotonicNs() + (seconds / 4) * 1e9;
  while (clock.monotonicNs() < warmEndNs) call();
  const startNs = clock.monotonicNs();
  let calls = 0;
  let elapsedNs = 0;
  for (; elapsedNs < seconds * 1e9; elapsedNs = clock.monotonicNs() - startNs) {
    call();
    calls++;
  }
  return (calls / elapsedNs) * 1e9;
}
