import type { Imagination } from "../learning/imagination.ts";
import type { TrainingWatcher } from "../learning/run/training-run.ts";
import { writeImaginationStrip } from "./plot/imagined-frames.ts";
import { terminalImage } from "./plot/terminal-image.ts";
import { startProgress } from "./progress.ts";

export interface TrainingViewOptions {
  readonly title: string;
  readonly log: (line: string) => void;
  /** Imagined frames are drawn here after every round. */
  readonly stripPath: string;
}

const RESOLUTION = 1000;
const PREVIEW_FRAMES = 4;
const PREVIEW_COLUMNS = 16;

/** What a person sees of a training run: a bar with the time left and live figures, scores and imagined frames after rounds. */
export function watchTraining({ title, log, stripPath }: TrainingViewOptions): TrainingWatcher & {
  stop(): Promise<void>;
} {
  const progress = startProgress(title, RESOLUTION);
  let drawing = Promise.resolve();
  let reached = 0;
  return {
    onReport({ phase, progress: share, environmentSteps, figures }) {
      reached = share * RESOLUTION;
      progress.update(reached, { phase, steps: environmentSteps, ...figures });
    },
    onEpisode(done, episodes) {
      progress.update(reached, { phase: "evaluate", episode: `${done} of ${episodes}` });
    },
    onRound({ evaluation, imagination }) {
      const { meanFinalDistanceM, successRate } = evaluation;
      const distance =
        meanFinalDistanceM === undefined
          ? ""
          : `, ${(100 * meanFinalDistanceM).toFixed(1)} cm from the goal at the end`;
      log(`\nsuccess ${(100 * successRate).toFixed(0)} % of ${evaluation.episodes} episodes${distance}`);
      if (!imagination) return;
      if (process.stdout.isTTY) log(previewOf(imagination));
      drawing = drawing.then(() => writeImaginationStrip(stripPath, imagination));
    },
    onChoice({ kept, bestSteps, bestReturn, lastReturn }) {
      const [best, last] = [bestReturn, lastReturn].map((value) => value.toPrecision(4));
      log(
        `\nThe ${kept} weights are kept: those of ${bestSteps} steps return ${best} on new episodes, the last ones ${last}.`,
      );
    },
    async stop() {
      progress.stop();
      await drawing;
    },
  };
}

/** A few true frames above the imagined ones, in half blocks. */
function previewOf({ views: [view] }: Imagination): string {
  const { width, height, trueFrames, imaginedFrames } = view!;
  const rowOf = (frames: readonly Uint8Array[]) => {
    const every = Math.floor(frames.length / PREVIEW_FRAMES);
    const shown = frames.filter((_, i) => i % every === every - 1);
    const images = shown.map((frame) => terminalImage(frame, width, height, PREVIEW_COLUMNS));
    return (images[0] ?? []).map((_, line) => images.map((image) => image[line]).join(" "));
  };
  return ["what happened", ...rowOf(trueFrames), "what the model imagined", ...rowOf(imaginedFrames)].join("\n");
}
