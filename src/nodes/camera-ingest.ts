import { join } from "node:path";
import { z } from "zod";
import { calibrationHash, ImagePath } from "../cameras/index.ts";
import { type Manifest, manifestSchema } from "../config/manifest.ts";
import { readConfig } from "../config/read-config.ts";
import type { CameraModel, RawImage } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import { type Diagnosis, type LifecycleNode, type NodeContext, type Publisher, SENSOR_QOS } from "../core/node.ts";
import {
  borrowRawImage,
  cameraModelFromMessage,
  type Image,
  imageToMessage,
  type RosMessages,
} from "../messages/index.ts";

export const cameraIngestParameters = z.strictObject({
  model: z.string().describe("Folder of the bundle that the images are for: it says their size, crop and calibration."),
  camera: z.string().describe("Name of the camera in the bundle's manifest; its topics are below this name."),
});
export type CameraIngestParameters = z.output<typeof cameraIngestParameters>;

/**
 * Camera images → model images, by the one image path.
 *
 * Subscribes `<camera>/image_raw` (and `<camera>/camera_info` when the model was trained with a calibration), publishes
 * `<camera>/image_model` with the stamp of the capture. A frame that does not fit is counted and reported, and the stream goes on.
 */
export function createCameraIngest(
  context: NodeContext<RosMessages>,
  { model, camera }: CameraIngestParameters,
): LifecycleNode {
  let ingest: CameraIngest | undefined;
  return {
    async configure() {
      const manifest = await readConfig(manifestSchema, join(model, "manifest.json"));
      const spec = manifest.observation.cameras.find(({ name }) => name === camera);
      if (spec === undefined) {
        const known = manifest.observation.cameras.map(({ name }) => name).join(", ");
        throw new LatentloopError("ERR_UNKNOWN_CAMERA", `Expected a camera of ${model} but received "${camera}".`, {
          remedy: `The model sees: ${known || "no camera"}.`,
        });
      }
      ingest = new CameraIngest(context, spec);
    },
    async activate() {
      ingest?.setActive(true);
    },
    async deactivate() {
      ingest?.setActive(false);
    },
    async cleanup() {
      ingest = undefined;
    },
  };
}

type CameraSpec = Manifest["observation"]["cameras"][number];

class CameraIngest {
  readonly #context: NodeContext<RosMessages>;
  readonly #spec: CameraSpec;
  readonly #publisher: Publisher<Image>;
  readonly #pixels: Uint8Array;
  #path: ImagePath | undefined;
  #calibration: CameraModel | undefined;
  #active = false;
  #converted = 0;
  #refused = 0;
  #fault = "";

  constructor(context: NodeContext<RosMessages>, spec: CameraSpec) {
    this.#context = context;
    this.#spec = spec;
    this.#pixels = new Uint8Array(spec.width * spec.height * 3);
    this.#publisher = context.publisher(`${spec.name}/image_model`, "sensor_msgs/msg/Image", SENSOR_QOS);
    context.subscribe(
      `${spec.name}/image_raw`,
      "sensor_msgs/msg/Image",
      (message) => this.#guard(() => this.#ingest(borrowRawImage(message), message.header.frame_id)),
      SENSOR_QOS,
    );
    if (spec.calibrationSha256 !== null) {
      context.subscribe(`${spec.name}/camera_info`, "sensor_msgs/msg/CameraInfo", (message) =>
        this.#guard(() => this.#calibrate(cameraModelFromMessage(spec.name, message))),
      );
    }
    context.diagnose(`camera ${spec.name}`, () => this.#diagnosis());
  }

  setActive(active: boolean): void {
    this.#active = active;
  }

  #calibrate(calibration: CameraModel): void {
    if (this.#calibration !== undefined) return;
    const hash = calibrationHash(calibration);
    if (hash !== this.#spec.calibrationSha256) {
      throw new LatentloopError(
        "ERR_CALIBRATION_CHANGED",
        `Expected ${this.#spec.name} with the calibration ${this.#spec.calibrationSha256?.slice(0, 12)} that the model was trained with but received ${hash.slice(0, 12)}.`,
        {
          remedy:
            "Publish the camera_info that the model was trained with, or fine-tune the model on the new calibration.",
        },
      );
    }
    this.#calibration = calibration;
  }

  #ingest(image: RawImage, frameId: string): void {
    if (!this.#active) return;
    const path = this.#pathFor(image);
    if (path === undefined) return;
    path.convertInto(image, this.#pixels);
    const { width, height } = this.#spec;
    this.#publisher.publish(
      imageToMessage(
        { encoding: "rgb8", width, height, stride: width * 3, data: this.#pixels, stampNs: image.stampNs },
        frameId,
      ),
    );
    this.#converted++;
  }

  /** Built for the first frame; later frames must be like it. Waits for the calibration when the model needs one. */
  #pathFor(image: RawImage): ImagePath | undefined {
    const { name: camera, width, height, crop, calibrationSha256 } = this.#spec;
    if (calibrationSha256 !== null && this.#calibration === undefined) return undefined;
    this.#path ??= new ImagePath({
      camera,
      source: image,
      output: { width, height },
      ...(crop === null ? {} : { crop }),
      ...(this.#calibration === undefined ? {} : { calibration: this.#calibration }),
    });
    return this.#path;
  }

  /** Counts what a bad frame throws, and logs it once until another fault or a good frame comes. */
  #guard(work: () => void): void {
    try {
      work();
      this.#fault = "";
    } catch (thrown) {
      if (!(thrown instanceof LatentloopError)) throw thrown;
      this.#refused++;
      if (thrown.message !== this.#fault) this.#context.log.error(thrown.message, { code: thrown.code });
      this.#fault = thrown.message;
    }
  }

  #diagnosis(): Diagnosis {
    const values = { converted: this.#converted, refused: this.#refused, dropped: this.#publisher.dropped };
    if (this.#fault !== "") return { level: "error", message: this.#fault, values };
    const waiting = this.#spec.calibrationSha256 !== null && this.#calibration === undefined;
    return waiting
      ? { level: "warn", message: "waiting for camera_info", values }
      : { level: "ok", message: `${this.#spec.width}×${this.#spec.height}`, values };
  }
}
