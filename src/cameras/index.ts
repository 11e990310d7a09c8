export { calibrationHash, isCalibrated } from "./calibration.ts";
export { formatCameraInfo, parseCameraInfo, readCameraInfo } from "./camera-info.ts";
export { decodeImage, parseCompressedFormat } from "./decode.ts";
export { ImagePath, type ImagePathOptions } from "./image-path.ts";
export {
  type FrameCounts,
  type FrameOutcome,
  type FrameReading,
  LatestFrame,
  type LatestFrameOptions,
} from "./latest-frame.ts";
export { openCameraSource } from "./sources/open-source.ts";
export { type CameraFrame, type CameraSource, isCompressed } from "./sources/source.ts";
