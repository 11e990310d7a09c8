import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { failure } from "../gates/gate.ts";
import { type Judgement, type JudgeOptions, judge } from "../gates/judge.ts";
import { type ModelsFolder, refOf } from "./models-folder.ts";

export interface ProposalOptions extends Omit<JudgeOptions, "live" | "heldOut"> {
  /** Episodes to judge by, as this bundle sees them: the live one, where there is one. */
  heldOut(seenBy: Bundle): Promise<EpisodeStore>;
}

export interface Proposal extends Judgement {
  /** The candidate's name in the models folder, if it passed. */
  readonly name: string | undefined;
}

/**
 * Leads a bundle through the gates against the folder's live model, takes it into the folder if it passes, and writes the
 * outcome into the ledger: the one way in, for our trainers and for others'. One that the disk does not take is refused, too.
 * @throws those of `heldOut`, and ERR_LEDGER
 */
export async function propose(
  models: ModelsFolder,
  folder: string,
  { heldOut, ...options }: ProposalOptions,
): Promise<Proposal> {
  const liveModel = await models.live();
  const live = liveModel && (await readBundle(liveModel.folder));
  const judgement = await judge(folder, { ...options, live, heldOut: (candidate) => heldOut(live ?? candidate) });
  const { bundle } = judgement;
  const verdicts = [...judgement.verdicts];
  let name: string | undefined;
  if (judgement.passed && bundle) {
    try {
      name = await models.admit(bundle);
    } catch (thrown) {
      verdicts.push({ gate: "admission", ...failure(messageOf(thrown)) });
    }
  }
  const passed = name !== undefined;
  await models.record({
    event: "judged",
    at: wallClock(options.clock),
    model: { name: name ?? folder, hash: bundle?.modelHash ?? null },
    live: liveModel ? refOf(liveModel) : null,
    passed,
    verdicts,
  });
  return { bundle, passed, verdicts, name };
}

/** For people who read the ledger. */
export function wallClock(clock: Clock): string {
  return new Date(Number(clock.rosNs() / 1_000_000n)).toISOString();
}
