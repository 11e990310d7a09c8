import { Command } from "commander";
import { type BagContent, readContent } from "../../replay/bag-info.ts";
import { droppedIn } from "../../replay/bag-metadata.ts";
import { BagReader } from "../../replay/bag-reader.ts";
import { type Episode, interventionSpans, returnOf } from "../../replay/episodes.ts";
import { type BagRecovery, recoverBag } from "../../replay/recover.ts";
import type { TopicReport } from "../../replay/topic-timing.ts";
import { type BagVerdict, verifyBag } from "../../replay/verify.ts";
import { formatTable, printResult } from "../output.ts";

interface JsonOption {
  readonly json: boolean;
}

export function infoCommand(): Command {
  return new Command("info")
    .description("say what a bag holds: topics with their rates, episodes, custom data")
    .argument("<bag>", "a bag's folder, or an .mcap file; cut and unfinished ones too")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, { json }: JsonOption) => {
      const bag = await BagReader.open(path);
      try {
        const content = await readContent(bag);
        const reports = content.timings.map((timing) => timing.report());
        const damages = bag.files.flatMap((file) => file.damages.map(({ what }) => `${file.path}: ${what}`));
        const result = {
          path,
          files: bag.files.map((file) => file.path),
          durationS: durationS(content),
          topics: reports.map(topicJson),
          dropped: Object.fromEntries(droppedIn(bag.customData)),
          episodes: content.episodes.map(episodeJson),
          customData: bag.customData,
          damages,
        };
        printResult(result, formatInfo(bag, content, reports, damages), json);
      } finally {
        await bag.close();
      }
    });
}

export function verifyCommand(): Command {
  return new Command("verify")
    .description("read a bag to the last byte and say what is wrong where; exit status 1 if data is lost or damaged")
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, { json }: JsonOption) => {
      const { ok, findings, messages, images, topics, episodes } = await verifyBag(path);
      const result = {
        ok,
        findings,
        messages,
        images,
        topics: topics.map(topicJson),
        episodes: episodes.map(episodeJson),
      };
      printResult(result, formatVerdict({ ok, findings, messages, images, topics, episodes }), json);
      if (!ok) process.exitCode = 1;
    });
}

export function recoverCommand(): Command {
  return new Command("recover")
    .description("make a cut or damaged bag whole: every complete chunk is kept, the old file stays as <name>.damaged")
    .argument("<bag>", "a bag's folder, or an .mcap file")
    .option("--json", "print one JSON object as the last line of stdout", false)
    .action(async (path: string, { json }: JsonOption) => {
      const recovery = await recoverBag(path);
      printResult(recovery, formatRecovery(recovery), json);
    });
}

function durationS({ startNs, endNs }: BagContent): number {
  return Number(endNs - startNs) / 1e9;
}

/** Stamps as text: JSON has no 64-bit integers. */
export function topicJson({ startNs, endNs, gaps, ...report }: TopicReport) {
  const named = gaps.map(({ afterNs, ms }) => ({ afterNs: String(afterNs), ms }));
  return { ...report, startNs: String(startNs), endNs: String(endNs), gaps: named };
}

function episodeJson(episode: Episode) {
  const { number, task, steps, success, closed, discarded, notes } = episode;
  return {
    number,
    task,
    steps: steps.length - 1,
    return: returnOf(episode),
    success,
    closed,
    discarded,
    notes,
    interventions: interventionSpans(episode),
    startNs: String(steps[0]!.stampNs),
    endNs: String(steps.at(-1)!.stampNs),
  };
}

export function formatTopics(reports: readonly TopicReport[], dropped: ReadonlyMap<string, number>): string {
  return formatTable([
    ["topic", "type", "messages", "dropped", "MB", "Hz", "ms between: p50", "p99", "max", "gaps"],
    ...reports.map(({ topic, type, messages, bytes, rateHz, medianMs, p99Ms, maxMs, gaps }) => [
      topic,
      type,
      String(messages),
      String(dropped.get(topic) ?? 0),
      (bytes / 1e6).toFixed(2),
      rateHz.toFixed(1),
      medianMs.toFixed(1),
      p99Ms.toFixed(1),
      maxMs.toFixed(1),
      String(gaps.length),
    ]),
  ]);
}

function formatEpisodes(episodes: readonly Episode[]): string {
  return formatTable([
    ["episode", "steps", "return", "end", "interventions", "task and notes"],
    ...episodes.map((episode) => [
      String(episode.number),
      String(episode.steps.length - 1),
      returnOf(episode).toFixed(2),
      endOf(episode),
      interventionSpans(episode)
        .map(({ from, to }) => `${from}–${to}`)
        .join(" "),
      [episode.task, ...episode.notes].filter((text) => text !== "").join(" · "),
    ]),
  ]);
}

function endOf({ closed, discarded, success }: Episode): string {
  if (discarded) return "discarded";
  if (!closed) return "cut off";
  return success ? "success" : "no success";
}

function formatInfo(
  bag: BagReader,
  content: BagContent,
  reports: readonly TopicReport[],
  damages: readonly string[],
): string {
  const custom = Object.entries(bag.customData).map(([key, value]) => `${key}: ${value}`);
  const parts = [
    `${bag.path}: ${bag.files.length} file${bag.files.length === 1 ? "" : "s"}, ${durationS(content).toFixed(1)} s`,
    ...custom,
    formatTopics(reports, droppedIn(bag.customData)),
    ...(content.episodes.length > 0 ? ["", formatEpisodes(content.episodes)] : []),
    ...damages.map((damage) => `! ${damage}`),
    ...(damages.length > 0 ? [`Repair it: latentloop replay recover ${bag.path}`] : []),
  ];
  return parts.join("\n");
}

function formatVerdict({ ok, findings, messages, images, episodes }: BagVerdict): string {
  const lines = findings.map(({ severity, where, what }) => `${severity === "error" ? "✗" : "!"} ${where}: ${what}`);
  const checked = `${messages} messages, ${images} images, ${episodes.length} episodes`;
  return [...lines, ok ? `✓ ${checked}: whole.` : `✗ ${checked}: damaged.`].join("\n");
}

function formatRecovery({ files, episodes, cutEpisodes, wroteMetadata }: BagRecovery): string {
  const lines = files.map(({ path, damages, messages, lostBytes, original }) =>
    original === undefined
      ? `✓ ${path}: whole, ${messages} messages; left as it is.`
      : [
          ...damages.map(({ offset, what }) => `! ${path}, byte ${offset}: ${what}`),
          `✓ ${path}: ${messages} messages kept, ${lostBytes} bytes lost; the damaged file is ${original}.`,
        ].join("\n"),
  );
  const cut = cutEpisodes.length > 0 ? `, without an end: ${cutEpisodes.join(", ")}` : "";
  return [...lines, `${episodes} episodes${cut}.`, ...(wroteMetadata ? ["metadata.yaml was written anew."] : [])].join(
    "\n",
  );
}
