import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Rng } from "../../../core/rng.ts";
import { BagReader } from "../../../replay/bag-reader.ts";
import { type Episode, readEpisodes } from "../../../replay/episodes.ts";
import { recoverBag } from "../../../replay/recover.ts";
import { verifyBag } from "../../../replay/verify.ts";

export interface Kills {
  readonly kills: number;
  /** Bags that `recover` made whole, to the satisfaction of `verify`. */
  readonly recovered: number;
  /** Episodes whose end was published more than the bound before the kill, and those of them that are not in the bag. */
  readonly closedEpisodes: number;
  readonly lostClosedEpisodes: number;
  readonly contiguous: boolean;
  /** From the last event in the file to the last one published. */
  readonly lostMsP50: number;
  readonly lostMsMax: number;
}

const PROGRAM = fileURLToPath(new URL("./record-until-killed.js", import.meta.url));
/** What a recorder may lose. */
const BOUND_MS = 100;
const FIRST_EVENTS = 20;
const SPREAD_EVENTS = 100;

interface Outcome {
  readonly recovered: boolean;
  readonly lostMs: number;
  readonly episodes: readonly Episode[];
  /** Numbers of the episodes that ended long enough before the kill. */
  readonly closed: readonly number[];
}

/** Kills recorders with SIGKILL at random moments, recovers what they left, and looks what is missing. */
export async function measureKills(folder: string, kills: number, rng: Rng): Promise<Kills> {
  const outcomes: Outcome[] = [];
  // One at a time: a process that starts would take the time of the one that is measured.
  for (let i = 0; i < kills; i++) {
    outcomes.push(await killOnce(await mkdtemp(join(folder, "kill-")), FIRST_EVENTS + rng.integer(SPREAD_EVENTS)));
  }
  const lost = outcomes.map(({ lostMs }) => lostMs).sort((a, b) => a - b);
  const missing = outcomes.flatMap(({ closed, episodes }) =>
    closed.filter((number) => !episodes.some((episode) => episode.number === number && episode.closed)),
  );
  return {
    kills,
    recovered: outcomes.filter(({ recovered }) => recovered).length,
    closedEpisodes: outcomes.reduce((sum, { closed }) => sum + closed.length, 0),
    lostClosedEpisodes: missing.length,
    contiguous: outcomes.every(({ episodes }) => episodes.every(({ number }, i) => number === i)),
    lostMsP50: lost[lost.length >> 1] ?? 0,
    lostMsMax: lost.at(-1) ?? 0,
  };
}

async function killOnce(folder: string, killAt: number): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const publishedMs: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [number, atMs] = line.split(" ").map(Number);
    publishedMs.push(atMs!);
    if (number === killAt) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const [name = ""] = await readdir(folder);
  const path = join(folder, name);
  await recoverBag(path);
  const { ok } = await verifyBag(path);
  const bag = await BagReader.open(path);
  const { episodes } = await readEpisodes(bag);
  await bag.close();
  await rm(folder, { recursive: true });
  const events = episodes.reduce((sum, { steps }) => sum + steps.length, 0);
  const lastMs = publishedMs.at(-1)!;
  // The last event that is in the file was published then; what came after is lost.
  const keptMs = publishedMs[Math.max(0, events - 1)] ?? lastMs;
  const endsMs = publishedMs.filter((_, i) => i % 25 === 24);
  const closed = endsMs.flatMap((ms, number) => (lastMs - ms > BOUND_MS ? [number] : []));
  return { recovered: ok, lostMs: lastMs - keptMs, episodes, closed };
}
