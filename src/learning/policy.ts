/** What a policy is told at every policy step: as the world-model node tells a bundle's graphs (docs/models.md). */
export interface PolicyInput {
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly proprioception: Float32Array;
  /** Executed since the last observation. Shapes: [A] */
  readonly executed: Float32Array;
  /** Already decided for the time until the new plan starts, and that time in policy steps. Shapes: [A] */
  readonly inFlight: Float32Array;
  readonly inFlightFraction: number;
  readonly isFirst: boolean;
}

/** Chooses actions, one policy step at a time. */
export interface Policy {
  /** Writes a normalised action [A]. */
  act(input: PolicyInput, out: Float32Array): void | Promise<void>;
}
