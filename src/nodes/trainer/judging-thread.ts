import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import { ModelsFolder } from "../../learning/models/models-folder.ts";
import { propose } from "../../learning/models/propose.ts";
import { failureOf } from "../host/host-protocol.ts";
import type { Outcome } from "./campaign.ts";
import { readEpisodes } from "./chosen-episodes.ts";
import { standBack } from "./stand-back.ts";
import type { FromJudging, JudgingData } from "./thread-protocol.ts";

/**
 * Entry of the thread that leads one candidate through the gates. It yields to everything else once the latency of the
 * candidate is measured: at a low priority that would be the latency of waiting for others.
 */
const { parameters, submission } = workerData as JudgingData;
const port = parentPort!;
let stopped = false;
port.on("message", () => (stopped = true));

async function judgeSubmission(): Promise<Outcome> {
  const { passed, name, bundle, verdicts } = await propose(new ModelsFolder(parameters.models), submission.folder, {
    async heldOut({ manifest }) {
      const reader = await ReplayReader.open(parameters.replay, manifest);
      try {
        return await readEpisodes(reader, manifest, submission.heldOut);
      } finally {
        await reader.close();
      }
    },
    settings: parameters.gates,
    clock: systemClock(),
    inference: { provider: "cpu", threads: 1, niceness: 0 },
    onVerdict: ({ gate }) => {
      if (gate === "latency") standBack(parameters.niceness);
      if (stopped)
        throw new LatentloopError("ERR_INTERRUPTED", "The trainer was stopped while a candidate was judged.");
    },
  });
  return {
    passed,
    name,
    hash: bundle?.modelHash ?? null,
    reason: verdicts.filter(isFailure).map(sentenceOf).join("; "),
  };
}

const isFailure = ({ passed }: Verdict): boolean => passed === false;

function sentenceOf({ gate, figure, limit, note }: Verdict): string {
  const measured = figure === null || limit === null ? "" : `${figure.toPrecision(3)} over ${limit.toPrecision(3)}, `;
  return `${gate} (${measured}${note})`;
}

let answer: FromJudging;
try {
  answer = { op: "judged", outcome: await judgeSubmission() };
} catch (thrown) {
  answer = { op: "not-judged", failure: failureOf(thrown) };
}
port.postMessage(answer);
port.close();
