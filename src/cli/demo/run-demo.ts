import type { LoopMeasurements } from "./loop-measurements.ts";
import { OperatedLoop, type OperatedLoopOptions } from "./operated-loop.ts";

export interface DemoOptions extends OperatedLoopOptions {
  readonly episodes: number;
  /** Called once the loop runs, with figures that stay up to date. */
  readonly onRunning: (measured: LoopMeasurements) => void;
  readonly onEpisode: (measured: LoopMeasurements) => void;
}

export interface DemoResult {
  readonly measured: LoopMeasurements;
  /** Folder of the bag. */
  readonly recording: string;
}

/**
 * Runs a launch description for a number of episodes: start the nodes, arm, one target after the other, halt, stop.
 *
 * @throws the first node's error; ERR_DEMO_STUCK when the loop cannot be armed or an episode does not end
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const loop = await OperatedLoop.start(options);
  try {
    const { measured } = loop;
    options.onRunning(measured);
    for (let episode = 0; episode < options.episodes; episode++) {
      await loop.playEpisode();
      options.onEpisode(measured);
    }
    await loop.call("control/halt");
    return { measured, recording: loop.recording };
  } finally {
    await loop.stop();
  }
}
