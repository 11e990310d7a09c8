import type { CameraModel, CropRegion, PixelEncoding, RawImage } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import { checkCalibration } from "./calibration.ts";
import type { Geometry } from "./kernel/footprints.ts";
import type { ColorOrder } from "./kernel/resample.ts";
import { Resampler } from "./kernel/resampler.ts";
import { sourceFromRectified } from "./lens.ts";
import { pixelFormat, redSite, sourceBytesPerPixel } from "./pixel-format.ts";

export interface ImagePathOptions {
  /** Named in errors. */
  readonly camera: string;
  /** What the camera sends. JPEG and PNG decode to rgb8. */
  readonly source: { readonly encoding: PixelEncoding; readonly width: number; readonly height: number };
  readonly output: { readonly width: number; readonly height: number };
  /** The part of the (undistorted) image to keep; by default all of it. Units: source pixels. */
  readonly crop?: CropRegion;
  /** Undistorts and rectifies when given. */
  readonly calibration?: CameraModel;
  /** What the model was trained with; rgb by default. */
  readonly colorOrder?: ColorOrder;
}

/**
 * The one way from a camera's pixels to a model's: colour order, undistortion, crop and resize in one pass.
 *
 * Simulated, recorded and live frames all take it, in training and in deployment. An output pixel is the exact mean over
 * its footprint in the source, rounded once; what lies outside the source is black.
 * Timing: `convertInto` takes a few tenths of a millisecond and allocates nothing; the constructor takes up to 0.2 s.
 */
export class ImagePath {
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly #source: ImagePathOptions["source"];
  readonly #rowBytes: number;
  readonly #resampler: Resampler;

  /**
   * @throws ERR_INVALID_ARGUMENT if a size or the crop is impossible
   * @throws ERR_CALIBRATION_SIZE, ERR_CALIBRATION_MISSING if the calibration does not fit
   */
  constructor(options: ImagePathOptions) {
    const { camera, source, output, calibration } = options;
    checkSizes(options);
    if (calibration) checkCalibration(camera, calibration, source.width, source.height);
    this.camera = camera;
    this.width = output.width;
    this.height = output.height;
    const { encoding, width, height } = source; // and nothing else: a caller may pass a whole frame
    this.#source = { encoding, width, height };
    this.#rowBytes = source.width * sourceBytesPerPixel(source.encoding);
    this.#resampler = new Resampler(source.encoding, geometryOf(options), options.colorOrder ?? "rgb");
  }

  /** Bytes of an output image: height × width × 3. */
  get outputBytes(): number {
    return this.width * this.height * 3;
  }

  /**
   * Writes the model's image of one frame.
   *
   * Shapes: out [Y, X, 3] uint8, in the model's colour order.
   * Timing: allocates nothing, unless a frame has longer rows than any before.
   * @throws ERR_IMAGE_ENCODING, ERR_IMAGE_SIZE, ERR_IMAGE_TRUNCATED if the frame is not what the camera was set up for
   * @throws ERR_SHAPE_MISMATCH if `out` has another size
   */
  convertInto(image: RawImage, out: Uint8Array): void {
    this.#checkImage(image);
    if (out.length !== this.outputBytes) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected ${this.outputBytes} bytes for an image of ${this.camera} but received room for ${out.length}.`,
      );
    }
    this.#resampler.run(image.data, image.stride, out);
  }

  #checkImage({ encoding, width, height, stride, data }: RawImage): void {
    const expected = this.#source;
    if (encoding !== expected.encoding) {
      throw new LatentloopError(
        "ERR_IMAGE_ENCODING",
        `Expected images of ${expected.encoding} from ${this.camera} but received ${encoding}.`,
        { remedy: `Set the driver of ${this.camera} to ${expected.encoding}, or configure the camera as ${encoding}.` },
      );
    }
    if (width !== expected.width || height !== expected.height) {
      throw new LatentloopError(
        "ERR_IMAGE_SIZE",
        `Expected images of ${expected.width}×${expected.height} from ${this.camera} but received ${width}×${height}.`,
        {
          remedy: `Set the driver of ${this.camera} to ${expected.width}×${expected.height}, or configure (and calibrate) the camera at ${width}×${height}.`,
        },
      );
    }
    const needed = stride * (height - 1) + this.#rowBytes;
    if (!(stride >= this.#rowBytes && data.length >= needed)) {
      throw new LatentloopError(
        "ERR_IMAGE_TRUNCATED",
        `Expected ${height} rows of at least ${this.#rowBytes} bytes from ${this.camera} but received ${data.length} bytes with ${stride} from row to row.`,
        { remedy: `Check the step field and the transport of ${this.camera}.` },
      );
    }
  }
}

/** The kernel's table holds positions in 16 bits. */
const MAX_OFFSET = 65535;

function checkSizes({ camera, source, output, crop }: ImagePathOptions): void {
  const refuse = (expected: string, received: string) => {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${expected} for ${camera} but received ${received}.`);
  };
  const { encoding, width, height } = source;
  // A mosaic needs a neighbour on every side.
  const least = redSite(encoding) ? 3 : 1;
  const format = pixelFormat(encoding);
  const fits = width * format.bytesPerPixel <= MAX_OFFSET && height <= MAX_OFFSET;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < least || height < least || !fits) {
    refuse(`a ${encoding} image of ${least}×${least} up to ${MAX_OFFSET} rows and bytes a row`, `${width}×${height}`);
  }
  if (width % format.alignment !== 0) refuse(`an even width of ${encoding} images`, `${width}`);
  if (!Number.isInteger(output.width) || !Number.isInteger(output.height) || output.width < 1 || output.height < 1) {
    refuse("an output of at least 1×1", `${output.width}×${output.height}`);
  }
  if (crop === undefined) return;
  const inside = crop.x >= 0 && crop.y >= 0 && crop.x + crop.width <= width && crop.y + crop.height <= height;
  if (!inside || !(crop.width > 0 && crop.height > 0)) {
    refuse(`a crop within ${width}×${height} pixels`, `${crop.width}×${crop.height} pixels at (${crop.x}, ${crop.y})`);
  }
}

function geometryOf({ source, output, crop, calibration }: ImagePathOptions): Geometry {
  const { x: left, y: top, width, height } = crop ?? { x: 0, y: 0, width: source.width, height: source.height };
  const sizes = {
    source: { width: source.width, height: source.height },
    output: { width: output.width, height: output.height },
  };
  const scaleX = width / output.width;
  const scaleY = height / output.height;
  if (calibration === undefined) {
    const sourceFromOutput = (x: number, y: number, point: Float64Array) => {
      point[0] = left + x * scaleX;
      point[1] = top + y * scaleY;
    };
    return { ...sizes, sourceFromOutput, parts: [1, 1] };
  }
  const rectify = sourceFromRectified(calibration);
  // Intrinsics count from pixel centres, the footprints from pixel corners.
  const sourceFromOutput = (x: number, y: number, point: Float64Array) => {
    rectify(left + x * scaleX - 0.5, top + y * scaleY - 0.5, point);
    point[0]! += 0.5;
    point[1]! += 0.5;
  };
  return { ...sizes, sourceFromOutput, parts: [partsOf(scaleX), partsOf(scaleY)] };
}

/** Enough parts that the lens bends none noticeably: two thirds of a source pixel each, within reason. */
function partsOf(scale: number): number {
  return Math.min(Math.max(Math.ceil(1.5 * scale), 3), 16);
}
