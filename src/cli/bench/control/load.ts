import { type ChildProcess, fork } from "node:child_process";
import { cpus } from "node:os";
import { Worker } from "node:worker_threads";

/** What keeps the machine busy while the loops are measured. */
export interface Load {
  readonly description: string;
  stop(): Promise<void>;
}

/** A process that computes on every core, a 30 Hz camera with its image path, and a recorder that writes each frame. */
export async function startLoad(): Promise<Load> {
  const hogs: ChildProcess[] = cpus().map(() => fork(new URL("./hog.js", import.meta.url)));
  const camera = new Worker(new URL("./camera.js", import.meta.url));
  const rings = await new Promise<{ raw: SharedArrayBuffer }>((resolve, reject) => {
    camera.once("message", resolve);
    camera.once("error", reject);
  });
  const recorder = new Worker(new URL("./recorder.js", import.meta.url), { workerData: rings.raw });
  return {
    description: `${hogs.length} processes computing on ${hogs.length} cores, a 640×480 camera at 30 Hz, a recorder writing its frames`,
    stop: async () => {
      for (const hog of hogs) hog.kill("SIGKILL");
      await Promise.all([camera.terminate(), recorder.terminate()]);
    },
  };
}
