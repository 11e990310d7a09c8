import { LatentloopError } from "../../core/errors.ts";
import { HUMAN_PLANS } from "../../core/plan.ts";
import type { PlanMessage } from "../../messages/index.ts";
import { BagReader } from "../../replay/bag-reader.ts";
import type { BundleFinder } from "./find-bundles.ts";
import { readSessionLog, type SessionLog } from "./session-log.ts";
import type { PartVerdict } from "./verdict.ts";
import { verifyControl } from "./verify-control.ts";
import { comparePlans, verifyModels } from "./verify-models.ts";

/** What running a session again has shown. */
export interface SessionVerdict {
  /** Everything that was logged was run again, and every bit was the same. */
  readonly ok: boolean;
  readonly parts: readonly PartVerdict[];
  /** Published plans that no model of the session made as they were published. */
  readonly strangePlans: readonly string[];
}

/**
 * Runs a recorded control session again from its log, and compares every belief, plan and command to the last bit.
 *
 * @throws ERR_SESSION_LOG for a bag without such a log, ERR_SESSION_MODEL for a model that is not there or ran elsewhere than
 *   on the CPU, those of `BagReader`
 */
export async function verifySession(path: string, bundles: BundleFinder): Promise<SessionVerdict> {
  const bag = await BagReader.open(path);
  try {
    const log = await readSessionLog(bag);
    const logged = new Set([...log.tickInputs.keys(), ...log.policyEvents.map(({ session }) => session)]);
    const starts = log.starts.filter(({ session }) => logged.has(session));
    refuseUnstarted(path, logged, new Set(log.starts.map(({ session }) => session)));
    const models = await verifyModels(
      starts.filter(({ part }) => part === "model"),
      log,
      bag,
      bundles,
    );
    const loops: PartVerdict[] = [];
    for (const start of starts) if (start.part === "control") loops.push(await verifyControl(start, log));
    const parts = [...models, ...loops].sort((a, b) => (a.session < b.session ? -1 : 1));
    const strangePlans = models.length > 0 ? plansOfNobody(log) : [];
    const ok = strangePlans.length === 0 && parts.every(({ difference, gap }) => !difference && !gap);
    return { ok, parts, strangePlans };
  } finally {
    await bag.close();
  }
}

function refuseUnstarted(path: string, logged: ReadonlySet<bigint>, started: ReadonlySet<bigint>): void {
  const remedy =
    "Record control/session, control/tick_input, world_model/session and world_model/policy_event from before the nodes are activated.";
  if (logged.size === 0) {
    throw new LatentloopError(
      "ERR_SESSION_LOG",
      `Expected the log of a control session in ${path} but there is none.`,
      {
        remedy,
      },
    );
  }
  const orphan = [...logged].find((session) => !started.has(session));
  if (orphan === undefined) return;
  throw new LatentloopError(
    "ERR_SESSION_LOG",
    `Expected the start of session ${orphan} in ${path} but the recording begins later.`,
    { remedy },
  );
}

/** Plans of the topic against those that the models logged; the last ones may be on their way into the log. */
function plansOfNobody({ plans, policyEvents }: SessionLog): string[] {
  const made = new Map<bigint, PlanMessage[]>();
  for (const event of policyEvents) {
    for (const plan of event.read().plan) made.set(plan.plan_id, [...(made.get(plan.plan_id) ?? []), plan]);
  }
  const endNs = policyEvents.at(-1)?.logTimeNs ?? 0n;
  return Array.from(plans.values())
    .flat()
    .flatMap(({ logTimeNs, read }) => {
      const published = read();
      if (published.plan_id >= HUMAN_PLANS) return []; // no model is said to have made it
      const differences = (made.get(published.plan_id) ?? []).map((own) => comparePlans(own, published));
      const [first] = differences;
      if (differences.length === 0) return logTimeNs > endNs ? [] : [`plan ${published.plan_id}: no model made it`];
      if (differences.includes(undefined) || !first) return [];
      return [`${first.what}: made ${first.recorded}, published ${first.again}`];
    });
}
