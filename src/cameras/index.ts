export { calibrationHash, isCalibrated } from "./calibration.ts";
export { ImagePath, type ImagePathOptions } from "./image-path.ts";
export { parseEncoding } from "./pixel-format.ts";
