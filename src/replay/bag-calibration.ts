import type { CameraModel } from "../core/camera.ts";
import { cameraModelFromMessage, deserializeMessage } from "../messages/index.ts";
import type { BagReader } from "./bag-reader.ts";

const CAMERA_INFO = "sensor_msgs/msg/CameraInfo";

/**
 * The calibration that a camera sent while a bag was recorded; undefined when it sent none.
 * @throws ERR_MESSAGE_MALFORMED if what it sent is no calibration
 */
export async function readCalibration(bag: BagReader, camera: string): Promise<CameraModel | undefined> {
  const topics = new Set(bag.topics.filter(({ topic }) => isInfoOf(camera, topic)).map(({ topic }) => topic));
  if (topics.size === 0) return undefined;
  for await (const { data } of bag.messages({ topics, types: new Set([CAMERA_INFO]) })) {
    return cameraModelFromMessage(camera, deserializeMessage(CAMERA_INFO, data));
  }
  return undefined;
}

/** "/scene/camera_info", with or without a namespace before it, is the camera scene's. */
function isInfoOf(camera: string, topic: string): boolean {
  return topic === `${camera}/camera_info` || topic.endsWith(`/${camera}/camera_info`);
}
