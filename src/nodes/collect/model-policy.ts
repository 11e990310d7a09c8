import { ImagePath } from "../../cameras/index.ts";
import type { Manifest } from "../../config/manifest.ts";
import type { ActionSpace } from "../../core/action.ts";
import { LatentloopError } from "../../core/errors.ts";
import { bindProprioception } from "../../core/proprioception.ts";
import { Rng } from "../../core/rng.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { BundlePolicy } from "../../learning/bundle/bundle-policy.ts";
import type { SimulatedEnvironment } from "../../sim/environment.ts";
import type { CollectingPolicy } from "./collecting-policy.ts";

/**
 * A bundle's model, shown the simulated cameras by the one image path.
 * @throws ERR_ACTION_MISMATCH, ERR_UNKNOWN_CAMERA if the bundle is of another robot, and those of `readBundle`
 */
export async function openModelPolicy(folder: string, environment: SimulatedEnvironment): Promise<CollectingPolicy> {
  const { manifest, modelHash, onnx } = await readBundle(folder);
  requireSameActions(manifest, environment, folder);
  const cameras = manifest.observation.cameras.map((camera) => openCamera(camera, environment));
  const jointNames = environment.robot?.joints.map(({ name }) => name) ?? [];
  const actionNames = manifest.action.dimensions.map(({ name }) => name);
  const readProprioception = bindProprioception(manifest.observation.proprioception, jointNames, actionNames);
  const proprioception = new Float32Array(manifest.observation.proprioception.length);
  const inFlight = new Float32Array(actionNames.length);
  const policy = await BundlePolicy.open(new Map(Object.entries(onnx)), new Rng(0));
  return {
    rateHz: manifest.policyRateHz,
    modelHash,
    rung: onnx.plan === undefined ? "policy-prior" : "mpc",
    begin: (rng) => policy.begin(rng),
    async act({ environment: world, positions, velocities, executed, isFirst }, out) {
      const images = Object.fromEntries(cameras.map(({ name, look }) => [name, look(world)]));
      readProprioception(positions, velocities, executed, proprioception);
      // No time passes between the look and the act: nothing is in flight.
      await policy.act({ images, proprioception, executed, inFlight, inFlightFraction: 0, isFirst }, out);
    },
    close: () => policy.close(),
  };
}

function openCamera(
  { name, width, height, crop, colorOrder }: Manifest["observation"]["cameras"][number],
  { observationSpace }: SimulatedEnvironment,
) {
  const native = observationSpace.cameras.find((camera) => camera.name === name);
  if (native === undefined) {
    throw new LatentloopError("ERR_UNKNOWN_CAMERA", `Expected a camera '${name}' of the task, which the model sees.`, {
      remedy: `Its cameras: ${observationSpace.cameras.map((camera) => camera.name).join(", ")}.`,
    });
  }
  const size = { encoding: "rgb8", width: native.width, height: native.height } as const;
  const image = { ...size, stride: 3 * size.width, data: new Uint8Array(3 * size.width * size.height), stampNs: 0n };
  const path = new ImagePath({
    camera: name,
    source: size,
    output: { width, height },
    colorOrder,
    ...(crop === null ? {} : { crop }),
  });
  const pixels = new Uint8Array(path.outputBytes);
  const look = (world: SimulatedEnvironment) => {
    world.renderInto(name, image.data);
    path.convertInto(image, pixels);
    return pixels;
  };
  return { name, look };
}

function requireSameActions({ action }: Manifest, { actionSpace, task }: SimulatedEnvironment, folder: string): void {
  const namesOf = ({ dimensions }: ActionSpace) => dimensions.map(({ name, unit }) => `${name} ${unit}`).join(", ");
  const [wanted, received] = [namesOf(actionSpace), namesOf(action)];
  if (wanted === received) return;
  throw new LatentloopError(
    "ERR_ACTION_MISMATCH",
    `Expected a model of the actions ${wanted} for ${task} but ${folder} has ${received}.`,
  );
}
