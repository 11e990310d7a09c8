/* The inference thread with one weakness: an input that begins with infinity keeps its run going until the caller writes another. */

const setFloats = Float32Array.prototype.set;
const nothing = new Int32Array(new SharedArrayBuffer(4));
Float32Array.prototype.set = function (this: Float32Array, values: ArrayLike<number>, offset?: number): void {
  while (values[0] === Number.POSITIVE_INFINITY) Atomics.wait(nothing, 0, 0, 1);
  setFloats.call(this, values, offset);
};

await import("../../src/inference/inference-thread.ts");
