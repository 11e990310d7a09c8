import type { CameraModel } from "../core/camera.ts";

/**
 * The calibration of a simulated camera: a pinhole without distortion.
 *
 * Units: fovy in degrees. Pixel (0, 0) has its centre at the coordinates (0, 0), as camera_info counts, so the
 * principal point lies half a pixel before width / 2 and height / 2.
 */
export function cameraIntrinsics(name: string, fovyDeg: number, width: number, height: number): CameraModel {
  const focalPx = height / 2 / Math.tan((fovyDeg * Math.PI) / 360);
  const [cx, cy] = [width / 2 - 0.5, height / 2 - 0.5];
  return {
    name,
    width,
    height,
    K: [focalPx, 0, cx, 0, focalPx, cy, 0, 0, 1],
    distortionModel: "plumb_bob",
    D: [0, 0, 0, 0, 0],
    R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    P: [focalPx, 0, cx, 0, 0, focalPx, cy, 0, 0, 0, 1, 0],
  };
}
