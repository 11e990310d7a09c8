/**
 * Garbage is collected by the thread that made it. V8 would share the work with threads of ordinary priority: a control
 * thread that waits for them waits for the whole machine, and was measured to stand still for up to a second.
 */
export const REAL_TIME_NODE_OPTIONS: readonly string[] = ["--single-threaded-gc"];

/** Whether this process was started so that a real-time thread waits for nobody when its heap is collected. */
export function isHeapRealTime(): boolean {
  return REAL_TIME_NODE_OPTIONS.every((option) => process.execArgv.includes(option));
}
