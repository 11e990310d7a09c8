/** Lens models of ROS camera_info (sensor_msgs/CameraInfo.distortion_model). */
export type DistortionModel = "plumb_bob" | "rational_polynomial" | "equidistant";

/**
 * Intrinsic calibration of one camera, in camera_info's terms.
 *
 * Shapes: K and R row-major 3×3, P row-major 3×4, D as long as the distortion model asks.
 * Units: pixels; the optical frame is x right, y down, z forward.
 */
export interface CameraModel {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly K: readonly number[];
  readonly distortionModel: DistortionModel;
  readonly D: readonly number[];
  readonly R: readonly number[];
  readonly P: readonly number[];
}

/** Pixel layouts of sensor_msgs/Image.encoding and the formats of CompressedImage that we read. */
export type PixelEncoding =
  | "rgb8"
  | "bgr8"
  | "rgba8"
  | "bgra8"
  | "mono8"
  | "yuyv"
  | "uyvy"
  | "bayer_rggb8"
  | "bayer_bggr8"
  | "bayer_gbrg8"
  | "bayer_grbg8";

/** An image as it left the camera. `stampNs` is the capture time on the ROS clock. */
export interface RawImage {
  readonly encoding: PixelEncoding;
  readonly width: number;
  readonly height: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly data: Uint8Array;
  readonly stampNs: bigint;
}

/** An image as it left the camera, still JPEG or PNG. `stampNs` is the capture time on the ROS clock. */
export interface CompressedImage {
  readonly format: "jpeg" | "png";
  readonly data: Uint8Array;
  readonly stampNs: bigint;
}

/** The part of an image to keep. Units: pixels; fractions are allowed. */
export interface CropRegion {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An image as the model sees it: rgb, row-major, height × width × 3. */
export interface ModelImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Capture, ROS clock. */
  readonly stampNs: bigint;
  /** Arrival on this host, monotonic clock. */
  readonly arrivalNs: number;
}
