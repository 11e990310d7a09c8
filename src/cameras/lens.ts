import type { CameraModel, DistortionModel } from "../core/camera.ts";

/** Moves a point of the ideal image plane (z = 1) to where the lens puts it: reads (x, y), writes `out`. */
export type Distortion = (x: number, y: number, out: Float64Array) => void;

/**
 * The lens models of camera_info.
 *
 * Source: sensor_msgs/CameraInfo and OpenCV's calib3d. plumb_bob: k1 k2 p1 p2 k3 (Brown 1966);
 * rational_polynomial: k1 k2 p1 p2 k3 k4 k5 k6; equidistant: k1 k2 k3 k4 (Kannala and Brandt 2006).
 */
export function distortion(model: DistortionModel, D: readonly number[]): Distortion {
  return model === "equidistant" ? equidistant(D) : polynomial(D);
}

function polynomial(D: readonly number[]): Distortion {
  const [k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0, k4 = 0, k5 = 0, k6 = 0] = D;
  return (x, y, out) => {
    const r2 = x * x + y * y;
    const radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)));
    out[0] = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x);
    out[1] = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y;
  };
}

function equidistant(D: readonly number[]): Distortion {
  const [k1 = 0, k2 = 0, k3 = 0, k4 = 0] = D;
  return (x, y, out) => {
    const r = Math.hypot(x, y);
    const theta = Math.atan(r);
    const t2 = theta * theta;
    const bent = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))));
    const scale = r > 1e-12 ? bent / r : 1;
    out[0] = x * scale;
    out[1] = y * scale;
  };
}

/**
 * Where a pixel of the rectified image lies in the camera's image; both with pixel centres at whole numbers.
 * A ray behind the camera gives NaN.
 *
 * Source: image_geometry's rectification and OpenCV's initUndistortRectifyMap: P⁻¹, then Rᵀ, then D, then K.
 */
export function sourceFromRectified(model: CameraModel): Distortion {
  const { K, R, P } = model;
  const lens = distortion(model.distortionModel, model.D);
  const [fx = 0, skew = 0, cx = 0, , fy = 0, cy = 0] = K;
  // A P of zeros says that the rectified image keeps the camera's own intrinsics.
  const rectified = P[0] === 0 ? { fx, cx, fy, cy } : { fx: P[0]!, cx: P[2]!, fy: P[5]!, cy: P[6]! };
  const [r00 = 1, r01 = 0, r02 = 0, r10 = 0, r11 = 1, r12 = 0, r20 = 0, r21 = 0, r22 = 1] = R;
  return (u, v, out) => {
    const a = (u - rectified.cx) / rectified.fx;
    const b = (v - rectified.cy) / rectified.fy;
    const depth = r02 * a + r12 * b + r22;
    if (depth <= 0) {
      out.fill(Number.NaN);
      return;
    }
    lens((r00 * a + r10 * b + r20) / depth, (r01 * a + r11 * b + r21) / depth, out);
    const x = out[0]!;
    out[0] = fx * x + skew * out[1]! + cx;
    out[1] = fy * out[1]! + cy;
  };
}
