import type { z } from "zod";
import type { CompressedImage, RawImage } from "../../core/camera.ts";

/** A frame as it left its camera, decoded or not. */
export type CameraFrame = RawImage | CompressedImage;

export function isCompressed(frame: CameraFrame): frame is CompressedImage {
  return "format" in frame;
}

/** Something that hands out one camera's frames in the order of their capture. */
export interface CameraSource {
  readonly camera: string;
  /** Ends when there are no more frames. Whoever iterates sets the pace. */
  frames(): AsyncIterable<CameraFrame>;
}

/** One kind of source: what its configuration holds and how it opens. */
export interface CameraSourceKind<S extends z.ZodType = z.ZodType> {
  readonly schema: S;
  /** @throws ERR_CAMERA_SOURCE if what the configuration names cannot be opened */
  open(camera: string, config: z.output<S>): Promise<CameraSource>;
}
