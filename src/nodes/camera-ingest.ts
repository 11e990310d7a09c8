import { join } from "node:path";
import { z } from "zod";
import { calibrationHash, decodeImage, ImagePath, LatestFrame, parseCompressedFormat } from "../cameras/index.ts";
import { type Manifest, manifestSchema } from "../config/manifest.ts";
import { readConfig } from "../config/read-config.ts";
import type { CameraModel, RawImage } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import { type Diagnosis, type LifecycleNode, type NodeContext, type Publisher, SENSOR_QOS } from "../core/node.ts";
import { RateMeter } from "../core/rate-meter.ts";
import {
  borrowRawImage,
  type CompressedImage,
  cameraModelFromMessage,
  type Image,
  imageToMessage,
  nsFromTime,
  type RosMessages,
} from "../messages/index.ts";

export const cameraIngestParameters = z.strictObject({
  model: z.string().describe("Folder of the bundle that the images are for: it says their size, crop and calibration."),
  camera: z.string().describe("Name of the camera in the bundle's manifest; its topics are below this name."),
  transport: z
    .enum(["raw", "compressed"])
    .default("raw")
    .describe("Images as they are (`image_raw`), or JPEG or PNG (`image_raw/compressed`)."),
});
export type CameraIngestParameters = z.output<typeof cameraIngestParameters>;

/**
 * Camera images → model images, by the one image path.
 *
 * Subscribes `<camera>/image_raw` or its compressed twin (and `<camera>/camera_info` when the model was trained with a calibration), publishes
 * `<camera>/image_model` with the stamp of the capture. A frame that does not fit is counted and reported, and the stream goes on.
 */
export function createCameraIngest(
  context: NodeContext<RosMessages>,
  { model, camera, transport }: CameraIngestParameters,
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
      ingest = new CameraIngest(context, spec, transport);
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
  #frames: LatestFrame | undefined;
  #calibration: CameraModel | undefined;
  readonly #rate: RateMeter;
  /** Of the newest image, from its capture until it was ready. */
  #delayMs = 0;
  #active = false;
  /** Images come, but the calibration that the model was trained with does not. */
  #waits = false;
  /** What is wrong now: logged once until it changes. */
  #fault = "";

  constructor(context: NodeContext<RosMessages>, spec: CameraSpec, transport: CameraIngestParameters["transport"]) {
    const { name } = spec;
    this.#context = context;
    this.#spec = spec;
    this.#rate = new RateMeter(context.clock);
    this.#publisher = context.publisher(`${name}/image_model`, "sensor_msgs/msg/Image", SENSOR_QOS);
    if (transport === "raw") {
      context.subscribe(
        `${name}/image_raw`,
        "sensor_msgs/msg/Image",
        (message) => this.#guard(() => this.#ingest(borrowRawImage(message), message.header.frame_id)),
        SENSOR_QOS,
      );
    } else {
      context.subscribe(
        `${name}/image_raw/compressed`,
        "sensor_msgs/msg/CompressedImage",
        (message) => void this.#decode(message),
        SENSOR_QOS,
      );
    }
    if (spec.calibrationSha256 !== null) {
      context.subscribe(`${name}/camera_info`, "sensor_msgs/msg/CameraInfo", (message) =>
        this.#guard(() => this.#calibrate(cameraModelFromMessage(name, message))),
      );
    }
    context.diagnose(`camera ${name}`, () => this.#diagnosis());
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
        { remedy: "Publish the camera_info that the model was trained with, or fine-tune the model on the new one." },
      );
    }
    this.#calibration = calibration;
  }

  async #decode({ header, format, data }: CompressedImage): Promise<void> {
    if (!this.#active) return;
    try {
      const bytes = data.slice(); // decoded on another thread, after the message's own bytes are gone
      const compressed = { format: parseCompressedFormat(format), data: bytes, stampNs: nsFromTime(header.stamp) };
      const image = await decodeImage(this.#spec.name, compressed);
      this.#guard(() => this.#ingest(image, header.frame_id));
    } catch (thrown) {
      this.#report(thrown);
    }
  }

  #ingest(image: RawImage, frameId: string): void {
    this.#waits = this.#spec.calibrationSha256 !== null && this.#calibration === undefined;
    if (this.#waits) return;
    this.#frames ??= this.#openFrames(image); // its tables take a while to make: better before activation
    if (!this.#active) return;
    const outcome = this.#frames.accept(image);
    if (outcome === "refused") throw this.#frames.lastRefusal;
    if (outcome !== "accepted") return;
    const { width, height, data, stampNs } = this.#frames.require(Number.POSITIVE_INFINITY);
    this.#publisher.publish(
      imageToMessage({ encoding: "rgb8", width, height, stride: width * 3, data, stampNs }, frameId),
    );
    this.#rate.count();
    this.#delayMs = Number(this.#context.clock.rosNs() - stampNs) / 1e6;
  }

  /** The first frame says what the camera sends; later ones must be like it. */
  #openFrames(first: RawImage): LatestFrame {
    const { name: camera, width, height, crop, colorOrder } = this.#spec;
    const path = new ImagePath({
      camera,
      source: { encoding: first.encoding, width: first.width, height: first.height },
      output: { width, height },
      colorOrder,
      ...(crop === null ? {} : { crop }),
      ...(this.#calibration === undefined ? {} : { calibration: this.#calibration }),
    });
    return new LatestFrame({ path, clock: this.#context.clock });
  }

  #guard(work: () => void): void {
    try {
      work();
      this.#fault = "";
    } catch (thrown) {
      this.#report(thrown);
    }
  }

  #report(thrown: unknown): void {
    if (!(thrown instanceof LatentloopError)) throw thrown;
    if (thrown.message !== this.#fault) this.#context.log.error(thrown.message, { code: thrown.code });
    this.#fault = thrown.message;
  }

  #diagnosis(): Diagnosis {
    const counts = this.#frames?.counts;
    const values = {
      rate_hz: this.#rate.report(),
      delay_ms: Number(this.#delayMs.toFixed(2)),
      received: counts?.received ?? 0,
      accepted: counts?.accepted ?? 0,
      refused: counts?.refused ?? 0,
      out_of_order: counts?.outOfOrder ?? 0,
      clock_jumps: counts?.clockJumps ?? 0,
      unsent: this.#publisher.dropped,
    };
    if (this.#fault !== "") return { level: "error", message: this.#fault, values };
    if (this.#waits) {
      const message = `images come but no ${this.#spec.name}/camera_info, which the model was trained with`;
      return { level: "error", message, values };
    }
    if (counts === undefined) return { level: "warn", message: "waiting for the first image", values };
    return { level: "ok", message: `${this.#spec.width}×${this.#spec.height}`, values };
  }
}
