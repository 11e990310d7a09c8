const fenceWord = new Int32Array(new SharedArrayBuffer(4));

/**
 * Orders every memory access before it against every one after it, plain copies included.
 *
 * A sequentially consistent store followed by a load of the same word is a full barrier on each CPU that V8 compiles
 * for (on ARM a store-release before a load-acquire, on x86 a locked exchange). Timing: safe in the control loop.
 */
export function memoryFence(): void {
  Atomics.store(fenceWord, 0, 0);
  Atomics.load(fenceWord, 0);
}
