import type { ModelImage } from "../../core/camera.ts";
import type { Observation } from "../../core/observation.ts";
import type { ProprioceptionReader } from "../../core/proprioception.ts";
import type { JointState } from "../../core/robot.ts";
import { JointHistory } from "./joint-history.ts";

export interface AssemblerOptions {
  readonly cameras: readonly string[];
  readonly proprioceptionSize: number;
  readonly readProprioception: ProprioceptionReader;
  /** Cameras and joints further apart than this do not make one observation. */
  readonly pairingToleranceNs: bigint;
}

/**
 * Pairs the newest image of every camera with the joint state of the same instant.
 *
 * An image enters at most one observation, so a camera that stops ends the observations instead of repeating a frozen frame.
 */
export class ObservationAssembler {
  readonly #options: AssemblerOptions;
  readonly #fresh = new Map<string, ModelImage>();
  readonly #joints = new JointHistory();
  readonly #proprioception: Float32Array;
  /** Complete sets of images that found no joint state of their instant. */
  unpaired = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#proprioception = new Float32Array(options.proprioceptionSize);
  }

  addJointState(state: JointState): void {
    this.#joints.push(state);
  }

  addImage(camera: string, image: ModelImage): void {
    this.#fresh.set(camera, image);
  }

  /** Whether every camera has an image that no observation has used. */
  get isComplete(): boolean {
    return this.#fresh.size === this.#options.cameras.length;
  }

  /**
   * The observation of the newest images, or undefined when they lie too far apart or no joint state is near.
   * Its proprioception is valid until the next call.
   * @param actionBefore the normalised action executed over the policy step before the capture
   */
  take(actionBefore: (captureStampNs: bigint) => ArrayLike<number>): Observation | undefined {
    if (!this.isComplete) return undefined;
    const images = [...this.#fresh.values()];
    const stampNs = images.reduce((oldest, { stampNs }) => (stampNs < oldest ? stampNs : oldest), images[0]!.stampNs);
    const { pairingToleranceNs, readProprioception } = this.#options;
    const apart = images.some((image) => image.stampNs - stampNs > pairingToleranceNs);
    const joints = this.#joints.nearest(stampNs, pairingToleranceNs);
    if (apart || joints === undefined) {
      this.#dropOldest(stampNs);
      this.unpaired++;
      return undefined;
    }
    readProprioception(joints.positions, joints.velocities, actionBefore(stampNs), this.#proprioception);
    const arrivalNs = Math.max(joints.arrivalNs, ...images.map((image) => image.arrivalNs));
    const observation = {
      images: Object.fromEntries(this.#fresh),
      proprioception: this.#proprioception,
      stampNs,
      arrivalNs,
    };
    this.#fresh.clear();
    return observation;
  }

  /** Makes room for a newer image of the camera that lags. */
  #dropOldest(stampNs: bigint): void {
    for (const [camera, image] of this.#fresh) if (image.stampNs === stampNs) this.#fresh.delete(camera);
  }
}
