import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Rng } from "../../core/rng.ts";
import { formatTable } from "../output.ts";
import { inspectMachine } from "./duel.ts";
import { measureKills } from "./replay/kill.ts";
import { measureSampling } from "./replay/sample.ts";
import { writeFastest, writePaced } from "./replay/write.ts";
import type { BenchOptions } from "./suite.ts";

/** So many kills in the default time; fewer in less. */
const KILLS = 200;
const DEFAULT_SECONDS = 60;

/** `latentloop bench replay`: writing, sampling and surviving `kill -9`, below the current folder. */
export async function benchReplay({ seconds = DEFAULT_SECONDS, log }: BenchOptions): Promise<object> {
  const machine = inspectMachine(log);
  const folder = await mkdtemp(join(process.cwd(), "latentloop-bench-"));
  try {
    const raw = await writePaced(folder, "raw", seconds / 6);
    const jpeg = await writePaced(folder, "jpeg", seconds / 6);
    const lz4 = await writePaced(folder, "raw", seconds / 12, "lz4");
    const zstd = await writePaced(folder, "raw", seconds / 12, "zstd");
    const rows = Object.entries({ raw, jpeg, "raw, lz4 chunks": lz4, "raw, zstd chunks": zstd }).map(
      ([name, paced]) => [
        `3 × 640×480 at 30 Hz, ${name}`,
        paced.megabytesPerSecond.toFixed(1),
        `${(100 * paced.cpuShare).toFixed(0)} %`,
        String(paced.dropped),
        paced.worstPendingMegabytes.toFixed(1),
        `${(100 * paced.storedShare).toFixed(0)} %`,
      ],
    );
    log(formatTable([["recording", "MB/s", "of a core", "dropped", "pending MB at most", "on disk"], ...rows]));
    const fastest = await writeFastest(folder, seconds / 6);
    log(
      `at most ${fastest.megabytesPerSecond.toFixed(0)} MB/s into a bag, ${fastest.plainMegabytesPerSecond.toFixed(0)} MB/s into a plain file`,
    );
    const sampling = await measureSampling(folder, seconds / 3);
    log(
      `sequences of 64 steps at 64×64 per second: ${sampling.sequencesPerSecond.toFixed(0)} (first batch ${sampling.firstBatchSequencesPerSecond.toFixed(0)}), naive reader ${sampling.naiveSequencesPerSecond.toFixed(1)}; a trainer with steps of ${sampling.trainerStepMs} ms waits ${(100 * sampling.trainerWaitShare).toFixed(1)} % of its time, ${(100 * sampling.coldTrainerWaitShare).toFixed(1)} % until every frame was decoded once`,
    );
    log(
      `${sampling.frames} frames indexed in ${sampling.indexSeconds.toFixed(2)} s, again in ${sampling.storedIndexSeconds.toFixed(3)} s`,
    );
    const kills = await measureKills(folder, Math.max(1, Math.round((KILLS * seconds) / DEFAULT_SECONDS)), new Rng(1));
    log(
      `killed ${kills.kills} times: ${kills.recovered} recovered, ${kills.lostClosedEpisodes} of ${kills.closedEpisodes} closed episodes lost, ${kills.lostMsP50.toFixed(0)} ms lost at the median and ${kills.lostMsMax.toFixed(0)} ms at most`,
    );
    return { machine, raw, jpeg, lz4, zstd, fastest, sampling, kills };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
