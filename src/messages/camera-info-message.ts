import type { CameraModel, DistortionModel } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import type { CameraInfo } from "./ros-messages.ts";
import { makeHeader } from "./stamp.ts";

const DISTORTION_MODELS: readonly DistortionModel[] = ["plumb_bob", "rational_polynomial", "equidistant"];

/**
 * The calibration in a sensor_msgs/CameraInfo.
 * @throws ERR_MESSAGE_MALFORMED if the camera says that it is uncalibrated, or for an unknown distortion model
 */
export function cameraModelFromMessage(name: string, message: CameraInfo): CameraModel {
  const distortionModel = DISTORTION_MODELS.find((known) => known === message.distortion_model);
  if (distortionModel === undefined) {
    throw new LatentloopError(
      "ERR_MESSAGE_MALFORMED",
      `Expected a distortion model ${DISTORTION_MODELS.join(", ")} of camera '${name}' but received '${message.distortion_model}'.`,
    );
  }
  if (message.k[0] === 0) {
    throw new LatentloopError(
      "ERR_MESSAGE_MALFORMED",
      `Expected a calibration of camera '${name}' but its camera_info says that it is uncalibrated (k[0] is 0).`,
    );
  }
  return {
    name,
    width: message.width,
    height: message.height,
    K: Array.from(message.k),
    distortionModel,
    D: Array.from(message.d),
    R: Array.from(message.r),
    P: Array.from(message.p),
  };
}

export function cameraModelToMessage(model: CameraModel, stampNs: bigint, frameId: string): CameraInfo {
  return {
    header: makeHeader(stampNs, frameId),
    height: model.height,
    width: model.width,
    distortion_model: model.distortionModel,
    d: model.D,
    k: model.K,
    r: model.R,
    p: model.P,
    binning_x: 0,
    binning_y: 0,
    roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
  };
}
