import type { PixelEncoding, RawImage } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import type { Image } from "./ros-messages.ts";
import { makeHeader, nsFromTime } from "./stamp.ts";

/** ROS names of the encodings we read, older spellings included (sensor_msgs/image_encodings.hpp). */
const ENCODINGS: Readonly<Record<string, PixelEncoding>> = {
  rgb8: "rgb8",
  bgr8: "bgr8",
  rgba8: "rgba8",
  bgra8: "bgra8",
  mono8: "mono8",
  "8UC1": "mono8",
  "8UC3": "bgr8",
  yuv422_yuy2: "yuyv",
  yuyv: "yuyv",
  yuv422: "uyvy",
  uyvy: "uyvy",
  bayer_rggb8: "bayer_rggb8",
  bayer_bggr8: "bayer_bggr8",
  bayer_gbrg8: "bayer_gbrg8",
  bayer_grbg8: "bayer_grbg8",
};

const ROS_ENCODINGS: Partial<Record<PixelEncoding, string>> = { yuyv: "yuv422_yuy2", uyvy: "yuv422" };

/**
 * The pixels of a sensor_msgs/Image, without a copy: they live as long as the message's bytes.
 * @throws ERR_MESSAGE_MALFORMED for an unknown encoding, or less data than height × step
 */
export function borrowRawImage(message: Image): RawImage {
  const { height, width, step, data } = message;
  const encoding = Object.hasOwn(ENCODINGS, message.encoding) ? ENCODINGS[message.encoding] : undefined;
  if (encoding === undefined) {
    throw new LatentloopError(
      "ERR_MESSAGE_MALFORMED",
      `Expected an image encoded as ${Object.keys(ENCODINGS).join(", ")} but received '${message.encoding}'.`,
    );
  }
  if (data.length < height * step) {
    throw new LatentloopError(
      "ERR_MESSAGE_MALFORMED",
      `Expected an image of ${height} rows of ${step} bytes but received ${data.length} bytes.`,
    );
  }
  return { encoding, width, height, stride: step, data, stampNs: nsFromTime(message.header.stamp) };
}

/** The message of an image, over the same pixels. */
export function imageToMessage(image: RawImage, frameId: string): Image {
  return {
    header: makeHeader(image.stampNs, frameId),
    height: image.height,
    width: image.width,
    encoding: ROS_ENCODINGS[image.encoding] ?? image.encoding,
    is_bigendian: 0,
    step: image.stride,
    data: image.data,
  };
}
