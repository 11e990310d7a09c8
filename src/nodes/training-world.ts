import { ImagePath } from "../cameras/index.ts";
import type { TrainingWorld } from "../learning/training-world.ts";
import type { EnvironmentOptions } from "../sim/environment.ts";
import { createEnvironment } from "../sim/index.ts";
import { randomPolicy } from "../sim/random-policy.ts";

/** Side of the simulated cameras' images, in training and in real time alike. Units: px */
export const NATIVE_CAMERA_PX = 128;

export interface TrainingWorldOptions extends Omit<EnvironmentOptions, "imageSizes"> {
  /** The cameras to look through, and the size of the images that come out of the image path. */
  readonly cameras: readonly string[];
  readonly width: number;
  readonly height: number;
}

/** A simulated task whose images take the same path as a robot's: rendered at the camera's size, then resized. */
export async function openTrainingWorld(task: string, options: TrainingWorldOptions): Promise<TrainingWorld> {
  const { cameras, width, height, ...environmentOptions } = options;
  const native = { width: NATIVE_CAMERA_PX, height: NATIVE_CAMERA_PX };
  const environment = await createEnvironment(task, {
    ...environmentOptions,
    imageSizes: Object.fromEntries(cameras.map((camera) => [camera, native])),
  });
  const image = {
    encoding: "rgb8",
    ...native,
    stride: 3 * native.width,
    data: new Uint8Array(native.width * native.height * 3),
    stampNs: 0n,
  } as const;
  const paths = new Map(
    cameras.map((camera) => [
      camera,
      new ImagePath({ camera, source: { encoding: image.encoding, ...native }, output: { width, height } }),
    ]),
  );
  const { rewardPerM } = environment;
  return {
    task,
    observationSpace: {
      cameras: cameras.map((name) => ({ name, width, height })),
      proprioception: environment.observationSpace.proprioception,
    },
    actionSpace: environment.actionSpace,
    controlRateHz: environment.controlRateHz,
    episodeSteps: environment.episodeSteps,
    proprioceptionFeatures: environment.proprioceptionFeatures,
    ...(rewardPerM !== undefined && { rewardPerM }),
    ...(environment.canRetarget && { retarget: (rng) => environment.retarget(rng) }),
    randomPolicy: (rng) => randomPolicy(rng, environment.actionSpace.dimensions.length),
    reset: (seed) => environment.reset(seed),
    step: (action) => environment.step(action),
    renderInto(camera, out) {
      environment.renderInto(camera, image.data);
      paths.get(camera)!.convertInto(image, out);
    },
    proprioceptionInto: (out) => environment.proprioceptionInto(out),
    close: () => environment.close(),
  };
}
