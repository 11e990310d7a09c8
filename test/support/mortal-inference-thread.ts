/* The inference thread with one weakness: an input that begins with NaN ends it, as a fault of its own code would. */

const setFloats = Float32Array.prototype.set;
Float32Array.prototype.set = function (this: Float32Array, values: ArrayLike<number>, offset?: number): void {
  if (Number.isNaN(values[0])) throw new Error("struck by NaN");
  setFloats.call(this, values, offset);
};

await import("../../src/inference/inference-thread.ts");
