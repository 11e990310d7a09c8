import { Command, Option } from "commander";
import { type Comparison, compareDatasets } from "../../replay/datasets/compare.ts";
import type { Dataset } from "../../replay/datasets/dataset.ts";
import type { VideoCodec } from "../../replay/datasets/ffmpeg.ts";
import { openLeRobotDataset } from "../../replay/datasets/lerobot-dataset.ts";
import { openAnyDataset, openDataset } from "../../replay/datasets/open-dataset.ts";
import { openReplayDataset } from "../../replay/datasets/replay-dataset.ts";
import { writeLeRobot } from "../../replay/datasets/write-lerobot.ts";
import { writeReplay } from "../../replay/datasets/write-replay.ts";
import { positive } from "../flags.ts";
import { printResult } from "../output.ts";
import { startProgress } from "../progress.ts";

interface ExportFlags {
  readonly codec: VideoCodec;
  readonly robot: string;
  readonly verify: boolean;
  readonly json: boolean;
}

export function exportCommand(): Command {
  return new Command("export")
    .description("write recordings as a LeRobot v3 data set (needs ffmpeg); goes on where it was interrupted")
    .argument("<replay>", "a bag, or a folder of bags")
    .argument("<folder>", "where the data set goes")
    .addOption(new Option("--codec <name>", "how videos are encoded").choices(["av1", "h264"]).default("av1"))
    .option("--robot <type>", "the data set's robot_type", "unknown")
    .option("--verify", "read the data set back and compare every value and frame", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (from: string, to: string, { codec, robot, verify, json }: ExportFlags) => {
      const write = (dataset: Dataset, onEpisode: (done: number) => void) =>
        writeLeRobot(dataset, to, { codec, robotType: robot, onEpisode });
      await convert(to, {
        source: await openReplayDataset(from),
        write,
        readBack: () => openLeRobotDataset(to),
        verify,
        json,
      });
    });
}

interface ImportFlags {
  readonly rate: number;
  readonly verify: boolean;
  readonly json: boolean;
}

export function importCommand(): Command {
  return new Command("import")
    .description(
      "write a LeRobot v3 data set, ALOHA or robomimic HDF5, or folders of episodes as bags, one per episode",
    )
    .argument("<data>", "the data set's folder, or an .hdf5 file")
    .argument("<folder>", "where the bags go")
    .option("--rate <hz>", "steps per second of data without stamps", positive, 10)
    .option("--verify", "read the bags back and compare every value and frame", false)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (from: string, to: string, { rate, verify, json }: ImportFlags) => {
      const source = await openDataset(from, { rateHz: rate });
      const write = (dataset: Dataset, onEpisode: (done: number) => void) => writeReplay(dataset, to, onEpisode);
      await convert(to, { source, write, readBack: () => openReplayDataset(to), verify, json });
    });
}

interface CompareFlags {
  readonly rate: number;
  readonly json: boolean;
}

export function compareCommand(): Command {
  return new Command("compare")
    .description("compare two data sets of any formats value by value and frame by frame; exit status 1 if they differ")
    .argument("<a>", "bags, a LeRobot v3 data set, HDF5 or folders of episodes")
    .argument("<b>", "likewise")
    .option("--rate <hz>", "steps per second of data without stamps", positive, 10)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (a: string, b: string, { rate, json }: CompareFlags) => {
      const expected = await openAnyDataset(a, { rateHz: rate });
      try {
        const actual = await openAnyDataset(b, { rateHz: rate });
        try {
          const comparison = await compareDatasets(expected, actual);
          const text = `${a} and ${b} hold the same ${comparison.episodes} episodes: ${describe(comparison)}.`;
          printResult(comparison, text, json);
        } finally {
          await actual.close();
        }
      } finally {
        await expected.close();
      }
    });
}

function describe({ steps, frames, meanFrameError, worstFrameError }: Comparison): string {
  return `${steps} steps are equal, ${frames} frames differ by ${meanFrameError.toFixed(2)} of 255 in the mean and ${worstFrameError.toFixed(2)} at most`;
}

interface Conversion {
  readonly source: Dataset;
  readonly write: (dataset: Dataset, onEpisode: (done: number) => void) => Promise<void>;
  readonly readBack: () => Promise<Dataset>;
  readonly verify: boolean;
  readonly json: boolean;
}

async function convert(to: string, { source, write, readBack, verify, json }: Conversion): Promise<void> {
  const { episodeCount, leftOut = [] } = source;
  try {
    const progress = startProgress("episodes", episodeCount);
    try {
      await write(source, (done) => progress.update(done));
    } finally {
      progress.stop();
    }
    const wrote = { folder: to, episodes: episodeCount, leftOut };
    const lost = leftOut.map((why) => `\n${why}`).join("");
    if (!verify) {
      printResult(wrote, `Wrote ${episodeCount} episodes to ${to}.${lost}`, json);
      return;
    }
    const written = await readBack();
    try {
      const comparison = await compareDatasets(source, written);
      const text = `Wrote ${episodeCount} episodes to ${to}; read back: ${describe(comparison)}.${lost}`;
      printResult({ ...wrote, verified: comparison }, text, json);
    } finally {
      await written.close();
    }
  } finally {
    await source.close();
  }
}
