import { createHash } from "node:crypto";
import type { CameraModel } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";

/** camera_info says with K[0] = 0 that a camera is not calibrated. */
export function isCalibrated({ K }: CameraModel): boolean {
  return K[0] !== 0;
}

/**
 * Checks that the calibration fits images of the given size.
 * @throws ERR_CALIBRATION_MISSING if the camera is uncalibrated
 * @throws ERR_CALIBRATION_SIZE if it was calibrated at another size
 */
export function checkCalibration(camera: string, model: CameraModel, width: number, height: number): void {
  if (!isCalibrated(model)) {
    throw new LatentloopError(
      "ERR_CALIBRATION_MISSING",
      `Expected a calibrated camera to undistort images of ${camera} but its camera_info has K[0] = 0.`,
      { remedy: `Calibrate the camera (ROS: camera_calibration) and give its driver the file (camera_info_url).` },
    );
  }
  if (model.width !== width || model.height !== height) {
    throw new LatentloopError(
      "ERR_CALIBRATION_SIZE",
      `Expected images of ${model.width}×${model.height} for the calibration of ${camera} but it sends ${width}×${height}.`,
      {
        remedy: `Set the camera driver to ${model.width}×${model.height}, or calibrate the camera at ${width}×${height}.`,
      },
    );
  }
}

/**
 * The sha256 of what a calibration does to pixels: equal numbers give equal hashes, whatever the file's layout and the
 * camera's name.
 */
export function calibrationHash({ width, height, distortionModel, K, D, R, P }: CameraModel): string {
  const canonical = JSON.stringify([width, height, distortionModel, K, D, R, P]);
  return createHash("sha256").update(canonical).digest("hex");
}
