import sharp from "sharp";
import type { CompressedImage, RawImage } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";

/** No camera sends more; a header that claims so is damaged. */
const MAX_PIXELS = 64e6;

/**
 * The pixels of a JPEG or PNG, as rgb8 in full size whatever the file holds.
 *
 * Full size always: the decoder's own shrink-on-load gives other pixels than the area mean that models are trained on.
 * Timing: decodes on a thread of its own, about 2 ms for 640×480.
 * @throws ERR_IMAGE_UNREADABLE if it is no image, or cut off
 */
export async function decodeImage(camera: string, image: CompressedImage): Promise<RawImage> {
  try {
    const decoder = sharp(image.data, { failOn: "warning", limitInputPixels: MAX_PIXELS, sequentialRead: true });
    const { data, info } = await decoder
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { encoding: "rgb8", width, height, stride: 3 * width, data, stampNs: image.stampNs };
  } catch (cause) {
    throw new LatentloopError(
      "ERR_IMAGE_UNREADABLE",
      `Expected a whole ${image.format} image from ${camera} but ${image.data.length} bytes do not decode: ${messageOf(cause)}.`,
      { cause, remedy: `Check the transport of ${camera}: a link that drops packets cuts images off.` },
    );
  }
}

/**
 * The format that a sensor_msgs/CompressedImage names: "jpeg", "png", or with the pixels' history as in
 * "rgb8; jpeg compressed bgr8".
 * @throws ERR_IMAGE_UNREADABLE for another one
 */
export function parseCompressedFormat(format: string): CompressedImage["format"] {
  const [, codec] = /(?:^|;)\s*(jpe?g|png)\b/i.exec(format) ?? [];
  if (codec !== undefined) return codec.toLowerCase() === "png" ? "png" : "jpeg";
  throw new LatentloopError("ERR_IMAGE_UNREADABLE", `Expected a jpeg or png image but received "${format}".`, {
    remedy: "Set the camera's image_transport plug-in to compressed with jpeg or png.",
  });
}
