import { decodeImage, parseCompressedFormat } from "../cameras/index.ts";
import type { RawImage } from "../core/camera.ts";
import { borrowRawImage, deserializeMessage, nsFromTime } from "../messages/index.ts";

const RAW = "sensor_msgs/msg/Image";
const COMPRESSED = "sensor_msgs/msg/CompressedImage";

export function isImageType(type: string): boolean {
  return type === RAW || type === COMPRESSED;
}

/** "scene" of "/scene/image_raw", "/scene/image_raw/compressed" and "scene/image". */
export function cameraOfTopic(topic: string): string {
  const parts = topic.split("/").filter((part) => part !== "");
  const image = parts.findLastIndex((part) => part.startsWith("image"));
  return (image > 0 ? parts.slice(0, image) : parts).join("/");
}

/**
 * The image of a recorded message, raw or compressed. A raw one is a view of the message's bytes.
 * @throws ERR_MESSAGE_MALFORMED, ERR_IMAGE_UNREADABLE if it is none
 */
export async function readBagImage(topic: string, type: string, cdr: Uint8Array): Promise<RawImage> {
  if (type === RAW) return borrowRawImage(deserializeMessage(RAW, cdr));
  const { header, format, data } = deserializeMessage(COMPRESSED, cdr);
  const image = { format: parseCompressedFormat(format), data, stampNs: nsFromTime(header.stamp) };
  return decodeImage(cameraOfTopic(topic), image);
}
