import type { EpisodeTable, StampedImage } from "./episode-table.ts";
import type { EpisodeStep } from "./episodes.ts";

/** Equal values in a row: how many, and which. */
type Runs = readonly (readonly [number, string])[];

interface PackedImages {
  readonly topic: string;
  readonly type: string;
  readonly stampsNs: BigInt64Array;
  /** Into the bag's files. */
  readonly file: Uint16Array;
  readonly chunkOffset: Float64Array;
  readonly chunkBytes: Float64Array;
  readonly offset: Float64Array;
}

/** An episode's table as columns of numbers, for a file: a table as objects takes ten times the room. */
export interface PackedTable {
  readonly number: number;
  readonly task: string;
  readonly success: boolean;
  readonly notes: readonly string[];
  /** Receive stamps of its first and last event. */
  readonly logNs: BigInt64Array;
  readonly stampsNs: BigInt64Array;
  readonly rewards: Float64Array;
  /** Bits of each step. */
  readonly flags: Uint8Array;
  readonly jointNames: readonly string[];
  readonly jointStampsNs: BigInt64Array;
  readonly position: Float64Array;
  readonly velocity: Float64Array;
  readonly actionNames: readonly string[];
  readonly action: Float64Array;
  readonly images: Readonly<Record<string, PackedImages>>;
  readonly gaps: Readonly<Record<string, string>>;
  readonly provenance: Readonly<Record<string, Runs>>;
}

const TERMINAL = 1;
const INTERVENTION = 2;

/** @param files paths of the bag's files; images are in one of them */
export function packTable(table: EpisodeTable, files: readonly string[]): PackedTable {
  const { episode, stampsNs, jointNames, jointStampsNs, position, velocity, actionNames, action } = table;
  const { number, task, success, notes, steps } = episode;
  const flag = ({ isTerminal, intervention }: EpisodeStep) =>
    (isTerminal ? TERMINAL : 0) | (intervention ? INTERVENTION : 0);
  return {
    number,
    task,
    success,
    notes,
    logNs: BigInt64Array.of(episode.firstLogNs, episode.lastLogNs),
    stampsNs: BigInt64Array.from(stampsNs),
    rewards: Float64Array.from(steps, ({ reward }) => reward),
    flags: Uint8Array.from(steps, flag),
    jointNames,
    jointStampsNs: BigInt64Array.from(jointStampsNs),
    position,
    velocity,
    actionNames,
    action,
    images: mapValues(table.images, (images) => packImages(images, files)),
    gaps: table.gaps,
    provenance: mapValues(table.provenance, runsOf),
  };
}

export function unpackTable(packed: PackedTable, bag: string, files: readonly string[]): EpisodeTable {
  const { number, task, success, notes, rewards, flags, jointNames, position, velocity, actionNames, action } = packed;
  const stampsNs = Array.from(packed.stampsNs);
  const [firstLogNs = 0n, lastLogNs = 0n] = packed.logNs;
  const steps = stampsNs.map((stampNs, i) => ({
    stampNs,
    reward: rewards[i]!,
    isTerminal: (flags[i]! & TERMINAL) !== 0,
    intervention: (flags[i]! & INTERVENTION) !== 0,
  }));
  return {
    bag,
    episode: { number, task, steps, success, closed: true, discarded: false, notes, firstLogNs, lastLogNs },
    stampsNs,
    jointNames,
    jointStampsNs: Array.from(packed.jointStampsNs),
    position,
    velocity,
    actionNames,
    action,
    reward: Float32Array.from(rewards),
    images: mapValues(packed.images, (images) => unpackImages(images, files)),
    gaps: packed.gaps,
    provenance: mapValues(packed.provenance, (runs) =>
      runs.flatMap(([count, value]) => Array.from({ length: count }, () => value)),
    ),
  };
}

function packImages(images: readonly StampedImage[], files: readonly string[]): PackedImages {
  const places = images.map(({ value }) => value);
  const { topic = "", type = "" } = places[0] ?? {};
  return {
    topic,
    type,
    stampsNs: BigInt64Array.from(images, ({ stampNs }) => stampNs),
    file: Uint16Array.from(places, ({ path }) => files.indexOf(path)),
    chunkOffset: Float64Array.from(places, ({ chunk }) => chunk.offset),
    chunkBytes: Float64Array.from(places, ({ chunk }) => chunk.bytes),
    offset: Float64Array.from(places, ({ offset }) => offset),
  };
}

function unpackImages(packed: PackedImages, files: readonly string[]): StampedImage[] {
  const { topic, type, file, chunkOffset, chunkBytes, offset } = packed;
  return Array.from(packed.stampsNs, (stampNs, i) => {
    const chunk = { offset: chunkOffset[i]!, bytes: chunkBytes[i]! };
    return { stampNs, value: { path: files[file[i]!]!, chunk, offset: offset[i]!, topic, type } };
  });
}

function runsOf(values: readonly string[]): Runs {
  const runs: [number, string][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.[1] === value) last[0]++;
    else runs.push([1, value]);
  }
  return runs;
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
