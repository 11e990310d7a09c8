import { ImagePath } from "../cameras/index.ts";
import type { Manifest } from "../config/manifest.ts";
import type { WorldView } from "../learning/learner.ts";
import { MultiTaskWorld, taskNames, tasksSensed } from "../learning/world/multi-task-world.ts";
import { repeatActions } from "../learning/world/repeat-actions.ts";
import type { TrainingWorld } from "../learning/world/training-world.ts";
import type { EnvironmentOptions } from "../sim/environment.ts";
import { createEnvironment, taskNamed } from "../sim/index.ts";
import { randomPolicy } from "../sim/random-policy.ts";

/** Side of the simulated cameras' images, in training and in real time alike. Units: px */
export const NATIVE_CAMERA_PX = 128;

/** The cameras to look through, the size of the images that come out of the image path, and what else a system asks for. */
export interface TrainingWorldOptions extends Omit<EnvironmentOptions, "imageSizes">, WorldView {}

/**
 * A simulated task seen and stepped as a bundle's model was trained to. A model of several tasks plays the one that is named, or
 * all of them by turns.
 * @throws ERR_SIM_TASK, ERR_INVALID_ARGUMENT if a model of several tasks knows others
 */
export async function openWorldOf(
  { observation, policyRateHz }: Manifest,
  task: string,
  environment: Omit<EnvironmentOptions, "imageSizes"> = {},
): Promise<TrainingWorld> {
  const [first] = observation.cameras;
  const sensed = observation.proprioception.map(({ name }) => name);
  const known = tasksSensed(sensed);
  const open = (name: string) =>
    openTrainingWorld(name, {
      ...environment,
      cameras: observation.cameras.map(({ name }) => name),
      width: first?.width ?? 1,
      height: first?.height ?? 1,
      proprioception: sensed.length > known.length,
      actionRepeat: Math.max(1, Math.round(taskNamed(known[0] ?? name).controlRateHz / policyRateHz)),
    });
  if (known.length === 0) return open(task);
  const all = task === known.join(",");
  return new MultiTaskWorld(await Promise.all(known.map(open)), all ? undefined : task);
}

/**
 * A simulated task whose images take the same path as a robot's: rendered at the camera's size, then resized. Several tasks,
 * with commas between them, are one world.
 */
export async function openTrainingWorld(task: string, options: TrainingWorldOptions): Promise<TrainingWorld> {
  const names = taskNames(task);
  if (names.length > 1)
    return new MultiTaskWorld(await Promise.all(names.map((name) => openTrainingWorld(name, options))));
  const { cameras, width, height, proprioception = true, actionRepeat = 1, ...environmentOptions } = options;
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
  const world: TrainingWorld = {
    task,
    observationSpace: {
      cameras: cameras.map((name) => ({ name, width, height })),
      proprioception: proprioception ? environment.observationSpace.proprioception : [],
    },
    actionSpace: environment.actionSpace,
    controlRateHz: environment.controlRateHz,
    episodeSteps: environment.episodeSteps,
    proprioceptionFeatures: proprioception ? environment.proprioceptionFeatures : [],
    ...(rewardPerM !== undefined && { rewardPerM }),
    ...(environment.canRetarget && { retarget: (rng) => environment.retarget(rng) }),
    ...(environment.canPushObject && { pushObject: (rng) => environment.pushObject(rng) }),
    randomPolicy: (rng) => randomPolicy(rng, environment.actionSpace.dimensions.length),
    reset: (seed) => environment.reset(seed),
    step: (action) => environment.step(action),
    renderInto(camera, out) {
      environment.renderInto(camera, image.data);
      paths.get(camera)!.convertInto(image, out);
    },
    proprioceptionInto: (out) => proprioception && environment.proprioceptionInto(out),
    close: () => environment.close(),
  };
  return repeatActions(world, actionRepeat);
}
