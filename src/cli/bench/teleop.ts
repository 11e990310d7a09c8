import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../config/package-root.ts";
import { LatentloopError } from "../../core/errors.ts";
import { Rng } from "../../core/rng.ts";
import { Samples } from "../../math/samples.ts";
import { simulatedLoop, withCollection } from "../../nodes/collect/collection-launch.ts";
import { resolveLaunch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { armLoop } from "../arm.ts";
import { printLog } from "../print-log.ts";
import type { BenchOptions } from "./suite.ts";

/** Speed that the key asks for: the default mapping's share of the joint's limit. Units: rad/s */
const FULL_SPEED = 1;
const RESTING = 1e-6;
const REPEAT_MS = 30;
/** Time for one press: up to full speed, down to rest, and a pause of random length. */
const PRESS_S = 1.5;
const PATIENCE_MS = 5000;
/** A busy machine makes samples late: the halts that this would cause are not what is measured. */
const PATIENT = { maxJointStateAgeMs: 1000, maxObservationAgeMs: 2000, maxTickGapMs: 1000, maxHeartbeatAgeMs: 2000 };
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/** `latentloop bench teleop`: presses a key at random moments and waits for what leaves the gate. */
export async function benchTeleop({ seconds = 60, log }: BenchOptions): Promise<object> {
  const presses = Math.max(5, Math.round(seconds / PRESS_S));
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bench-"));
  const host = await NodeHost.start(await launchIn(folder), { onLog: printLog(log, "problems") });
  try {
    const { context } = host;
    const { clock } = context;
    const rng = new Rng(1);
    const firstCommandMs = new Samples();
    const nearFullSpeedMs = new Samples();
    const keys = context.publisher("teleop/keys", "std_msgs/msg/String");
    let speed = Number.NaN;
    let commandNs = Number.NaN;
    let onCommand: () => void = () => {};
    context.subscribe(
      "control/tick",
      "latentloop_msgs/msg/Tick",
      (tick) => {
        speed = Math.abs(tick.command[0] ?? 0);
        commandNs = tick.command_ns;
        onCommand();
      },
      TICK_QOS,
    );
    /** When the command that fulfils it left the gate. */
    const until = (holds: () => boolean) =>
      new Promise<number>((resolve, reject) => {
        const timer = setTimeout(
          () =>
            reject(new LatentloopError("ERR_BENCH", `The robot did not do what the key says for ${PATIENCE_MS} ms.`)),
          PATIENCE_MS,
        );
        onCommand = () => {
          if (!holds()) return;
          clearTimeout(timer);
          onCommand = () => {};
          resolve(commandNs);
        };
      });
    await armLoop(context, "control/arm", "ERR_BENCH");
    await sleep(1500); // past the soft start
    for (let press = 0; press < presses; press++) {
      await until(() => speed < RESTING);
      await sleep(rng.uniform(20, 200)); // at any phase of any loop
      const pressedNs = clock.monotonicNs();
      const moves = until(() => speed > RESTING);
      keys.publish({ data: "+q" });
      const repeats = setInterval(() => keys.publish({ data: "+q" }), REPEAT_MS);
      try {
        firstCommandMs.add(((await moves) - pressedNs) / 1e6);
        nearFullSpeedMs.add(((await until(() => speed > 0.9 * FULL_SPEED)) - pressedNs) / 1e6);
      } finally {
        clearInterval(repeats);
      }
    }
    const result = { presses, first_command_ms: figures(firstCommandMs), full_speed_ms: figures(nearFullSpeedMs) };
    log(`key → first command that moves, of ${presses}: ${JSON.stringify(result.first_command_ms)} ms`);
    log(`key → nine tenths of full speed: ${JSON.stringify(result.full_speed_ms)} ms`);
    return result;
  } finally {
    await host.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function launchIn(folder: string) {
  const loop = simulatedLoop({
    task: "reach",
    robot: "planar-reacher",
    cameras: ["scene"],
    imageSize: 64,
    imageRateHz: 30,
    seed: 1,
    random: false,
  });
  const { description } = withCollection(loop, {
    folder,
    task: "reach",
    episodeSeconds: 60,
    device: { kind: "keyboard" },
    hasPolicy: false,
    release: "hold",
    customData: {},
    minFreeMegabytes: 1,
  });
  const nodes = description.nodes.map((node) =>
    node.kind === "control" ? { ...node, parameters: { ...node.parameters, safety: PATIENT } } : node,
  );
  return resolveLaunch({ ...description, nodes }, root);
}

function figures(samples: Samples): object {
  const round = (ms: number) => Number(ms.toFixed(2));
  return { p50: round(samples.percentile(0.5)), p99: round(samples.percentile(0.99)), max: round(samples.max) };
}
