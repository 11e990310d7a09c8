import type { ProprioceptionFeature } from "../../core/proprioception.ts";

/** A camera's picture, and where the robot was when it first came. */
interface Picture {
  readonly bytes: Buffer;
  readonly pose: Float32Array;
}

/**
 * Notices a camera that sends the same bytes again and again while the robot moves: its pictures are new only by their stamps.
 *
 * A real sensor's noise makes no two pictures alike; a simulated one's are alike while nothing moves, which is no fault.
 */
export class FrozenImages {
  /** Units: rad (or m) of each feature's 1; 0 for those that are no position. */
  readonly #scales: readonly number[];
  readonly #motion: number;
  readonly #pictures = new Map<string, Picture>();

  /** @param motion change of a joint's position that any picture has to show. Units: rad or m */
  constructor(features: readonly Pick<ProprioceptionFeature, "name" | "scale">[], motion: number) {
    this.#scales = features.map(({ name, scale }) => (/\.(position|cos|sin)$/.test(name) ? scale : 0));
    this.#motion = motion;
  }

  /** The camera that is frozen, if one is. */
  check(images: Readonly<Record<string, Uint8Array>>, proprioception: Float32Array): string | undefined {
    let frozen: string | undefined;
    for (const [camera, data] of Object.entries(images)) {
      const before = this.#pictures.get(camera);
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      if (!before?.bytes.equals(bytes)) {
        this.#pictures.set(camera, { bytes: Buffer.from(bytes), pose: proprioception.slice() });
      } else if (this.#hasMoved(before.pose, proprioception)) frozen ??= camera;
    }
    return frozen;
  }

  #hasMoved(before: Float32Array, now: Float32Array): boolean {
    return now.some((value, i) => this.#scales[i]! * Math.abs(value - before[i]!) > this.#motion);
  }
}
