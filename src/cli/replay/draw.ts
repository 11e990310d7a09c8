import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Command } from "commander";
import { readContent } from "../../replay/bag-info.ts";
import { droppedIn } from "../../replay/bag-metadata.ts";
import { BagReader } from "../../replay/bag-reader.ts";
import { type ContactSheetOptions, contactSheet } from "../../replay/contact-sheet.ts";
import { type Episode, readEpisodes } from "../../replay/episodes.ts";
import { writeInto } from "../../replay/write-into.ts";
import { positiveInteger } from "../flags.ts";
import { printResult } from "../output.ts";
import { drawTopicIntervals } from "../plot/topic-chart.ts";
import { formatTopics, topicJson } from "./inspect.ts";

interface StatsFlags {
  readonly out?: string;
  readonly json: boolean;
}

export function statsCommand(): Command {
  return new Command("stats")
    .description("rates, gaps and delays of every topic, and a chart of the time between messages")
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--out <path>", "where <path>.svg and <path>.png go; by default <bag>_stats beside the bag")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, { out = `${path.replace(/\/$/, "")}_stats`, json }: StatsFlags) => {
      const bag = await BagReader.open(path);
      try {
        const content = await readContent(bag);
        const reports = content.timings.map((timing) => timing.report());
        await writeInto(dirname(out), async () => {
          await mkdir(dirname(out), { recursive: true });
          await drawTopicIntervals(out, basename(path), content);
        });
        const charts = [`${out}.svg`, `${out}.png`];
        printResult(
          { topics: reports.map(topicJson), charts },
          `${formatTopics(reports, droppedIn(bag.customData))}\nDrawn: ${charts.join(", ")}`,
          json,
        );
      } finally {
        await bag.close();
      }
    });
}

interface ThumbnailFlags {
  readonly out?: string;
  readonly columns: number;
  readonly width: number;
  readonly json: boolean;
}

export function thumbnailsCommand(): Command {
  return new Command("thumbnails")
    .description("a contact sheet (PNG) of every episode: a row of pictures per camera")
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--out <folder>", "where the sheets go; by default <bag>_thumbnails beside the bag")
    .option("--columns <n>", "pictures per camera", positiveInteger, 8)
    .option("--width <px>", "width of a picture", positiveInteger, 128)
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, flags: ThumbnailFlags) => {
      const folder = flags.out ?? `${path.replace(/\/$/, "")}_thumbnails`;
      const bag = await BagReader.open(path);
      try {
        const { episodes } = await readEpisodes(bag);
        const sheets = await writeInto(folder, () => drawSheets(bag, episodes, folder, flags));
        const text = sheets.length > 0 ? sheets.join("\n") : "No episode has images.";
        printResult({ episodes: episodes.length, sheets }, text, flags.json);
      } finally {
        await bag.close();
      }
    });
}

/** Draws what has images; returns the files. */
async function drawSheets(
  bag: BagReader,
  episodes: readonly Episode[],
  folder: string,
  options: ContactSheetOptions,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const sheets: string[] = [];
  for (const episode of episodes) {
    const sheet = await contactSheet(bag, episode, options);
    if (sheet === undefined) continue;
    const file = join(folder, `episode_${String(episode.number).padStart(6, "0")}.png`);
    await writeFile(file, sheet);
    sheets.push(file);
  }
  return sheets;
}
