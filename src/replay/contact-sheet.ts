import sharp, { type OverlayOptions } from "sharp";
import { ImagePath } from "../cameras/index.ts";
import type { RawImage } from "../core/camera.ts";
import { cameraOfTopic, isImageType, readBagImage } from "./bag-image.ts";
import type { BagReader } from "./bag-reader.ts";
import type { Episode, EpisodeStep } from "./episodes.ts";
import { headerStampNs } from "./header-stamp.ts";
import type { BagMessage } from "./mcap-file-reader.ts";

export interface ContactSheetOptions {
  /** Pictures per camera, evenly spread over the episode. */
  readonly columns: number;
  /** Width of a picture. Units: pixels */
  readonly width: number;
}

const GAP_PX = 4;
const TITLE_PX = 22;
/** The images that the first and the last event saw may arrive this much before or after it. */
const MARGIN_NS = 100_000_000n;

/**
 * A PNG of an episode: a row of pictures per camera, left to right in time, under a title.
 * @returns undefined if no image was recorded during it
 */
export async function contactSheet(
  bag: BagReader,
  episode: Episode,
  { columns, width }: ContactSheetOptions,
): Promise<Buffer | undefined> {
  const rows: { pixels: Buffer; width: number; height: number }[][] = [];
  for (const { topic, type } of bag.topics.filter((each) => isImageType(each.type))) {
    const images = await chooseImages(bag, topic, episode, columns);
    if (images.length === 0) continue;
    const pictures = [];
    for (const { data } of images) pictures.push(thumbnail(topic, await readBagImage(topic, type, data), width));
    rows.push(pictures);
  }
  if (rows.length === 0) return undefined;
  const heights = rows.map((row) => Math.max(...row.map(({ height }) => height)));
  const sheet = {
    width: columns * (width + GAP_PX) + GAP_PX,
    height: TITLE_PX + heights.reduce((sum, height) => sum + height + GAP_PX, GAP_PX),
  };
  let top = TITLE_PX + GAP_PX;
  const overlays: OverlayOptions[] = [{ input: title(episode, sheet.width), left: 0, top: 0 }];
  rows.forEach((row, i) => {
    row.forEach((picture, column) => {
      const raw = { width: picture.width, height: picture.height, channels: 3 as const };
      overlays.push({ input: picture.pixels, raw, left: GAP_PX + column * (width + GAP_PX), top });
    });
    top += heights[i]! + GAP_PX;
  });
  return sharp({ create: { ...sheet, channels: 3, background: "white" } })
    .composite(overlays)
    .png()
    .toBuffer();
}

/** Images evenly spread over the episode, from what its first event saw to what its last one did. */
async function chooseImages(bag: BagReader, topic: string, episode: Episode, count: number): Promise<BagMessage[]> {
  const span = { startNs: episode.firstLogNs - MARGIN_NS, endNs: episode.lastLogNs + MARGIN_NS };
  const filter = { topics: new Set([topic]), ...span };
  const captures: bigint[] = [];
  for await (const { type, data, logTimeNs } of bag.messages(filter)) {
    captures.push(headerStampNs(type, data) ?? logTimeNs);
  }
  const newestAt = ({ stampNs }: EpisodeStep) => captures.findLastIndex((capturedNs) => capturedNs <= stampNs);
  const first = Math.max(0, newestAt(episode.steps[0]!));
  const last = newestAt(episode.steps.at(-1)!);
  const pictures = Math.min(count, last - first + 1);
  const wanted = new Set(
    Array.from({ length: pictures }, (_, i) => first + Math.round((i * (last - first)) / Math.max(1, pictures - 1))),
  );
  const images: BagMessage[] = [];
  let index = 0;
  for await (const message of bag.messages(filter)) if (wanted.has(index++)) images.push(message);
  return images;
}

function thumbnail(topic: string, image: RawImage, width: number) {
  const height = Math.max(1, Math.round((image.height * width) / image.width));
  const path = new ImagePath({ camera: cameraOfTopic(topic), source: image, output: { width, height } });
  const pixels = Buffer.alloc(path.outputBytes);
  path.convertInto(image, pixels);
  return { pixels, width, height };
}

function title({ number, task, steps, success, closed }: Episode, width: number): Buffer {
  const seconds = Number(steps.at(-1)!.stampNs - steps[0]!.stampNs) / 1e9;
  const end = closed ? (success ? "success" : "no success") : "cut off";
  const text = [`episode ${number}`, task, `${steps.length - 1} steps`, `${seconds.toFixed(1)} s`, end];
  const line = text.filter((part) => part !== "").join(" · ");
  const safe = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${TITLE_PX}"><text x="${GAP_PX}" y="16" font-family="sans-serif" font-size="12">${safe}</text></svg>`,
  );
}
