import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../../core/errors.ts";
import { LATCHED_QOS } from "../../../core/node.ts";
import type { RobotModel } from "../../../core/robot.ts";
import type { ModelRef } from "../../../learning/models/ledger.ts";
import type { ModelsFolder } from "../../../learning/models/models-folder.ts";
import type { TickMessage } from "../../../messages/index.ts";
import type { NodeHost } from "../../../nodes/host/node-host.ts";
import { LoopMeasurements } from "../../demo/loop-measurements.ts";
import { stolenMs } from "../control/stolen-time.ts";
import { type Stall, WITNESS } from "./stall.ts";
import { BLAMES, type Blame, type Witnesses } from "./witnesses.ts";

export const COMMAND_RATE_HZ = 100;
const PERIOD_NS = 1e9 / COMMAND_RATE_HZ;
const SWAP_PATIENCE_MS = 60_000;
const SERVICE_PATIENCE_MS = 30_000;
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/** From when it was due until its command was out. Units: ns, monotonic clock. */
interface LateTick extends Stall {
  readonly beganNs: number;
  /** Deadlines that passed without a tick of their own. */
  readonly missed: number;
}

/** What is counted from one moment to another. */
export interface Watched {
  readonly loop: LoopMeasurements;
  /** What the host of a virtual machine had taken when the counting began. */
  readonly stolenBeforeMs: number;
  readonly beganNs: number;
  /** Ticks that began later than a witness would call a stall, or cost others. */
  readonly lateTicks: LateTick[];
  /** What it cost shows in the next one. */
  previousTick: LateTick | undefined;
  /** Largest change of a command from tick to tick, as a share of what the acceleration limit permits. */
  largestStep: number;
  coastingTicks: number;
  haltedTicks: number;
  plans: number;
  missingPlans: number;
}

/** The running loop, measured from its messages. */
export class WatchedLoop {
  readonly #host: NodeHost;
  readonly #largestSteps: readonly number[];
  #watched: Watched;
  #state = "";
  #previous: Float64Array | undefined;
  #lastPlanId = 0n;

  constructor(host: NodeHost, { joints }: RobotModel) {
    this.#host = host;
    this.#watched = newlyWatched(host);
    this.#largestSteps = joints.map(({ limits }) => limits.acceleration / COMMAND_RATE_HZ);
    const { context } = host;
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => this.#onTick(tick), TICK_QOS);
    context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => {
      this.#watched.loop.onPlan(plan);
      this.#watched.plans++;
      if (this.#lastPlanId > 0n) this.#watched.missingPlans += Number(plan.plan_id - this.#lastPlanId) - 1;
      this.#lastPlanId = plan.plan_id;
    });
    const listen = ({ data }: { data: string }) => void (this.#state = data);
    context.subscribe("world_model/model_state", "std_msgs/msg/String", listen, LATCHED_QOS);
  }

  /** Starts counting anew. */
  measure(): Watched {
    this.#watched = newlyWatched(this.#host);
    return this.#watched;
  }

  async arm(): Promise<void> {
    const untilMs = performance.now() + SERVICE_PATIENCE_MS;
    for (;;) {
      const { success, message } = await this.#host.context.call("control/arm", SERVICE_PATIENCE_MS);
      if (success) return;
      if (performance.now() > untilMs) throw new LatentloopError("ERR_BENCH", `The loop cannot be armed: ${message}.`);
      await sleep(100);
    }
  }

  /** A new target, unless the arm is still on its way to one; and armed again after a halt. */
  async keepMoving(): Promise<void> {
    await this.#host.context.call("robot/start_episode", SERVICE_PATIENCE_MS);
    if (this.#watched.loop.status === "holding") await this.arm();
  }

  /** One swap to the end of its watch; says whether the new model stayed. */
  async swap(models: ModelsFolder, [live, next]: readonly [ModelRef, ModelRef]): Promise<boolean> {
    const acting = (await models.live())!.hash === live.hash ? [live, next] : [next, live];
    const candidate = acting[1]!;
    const at = new Date().toISOString();
    await models.record({ event: "judged", at, model: candidate, live: acting[0]!, passed: true, verdicts: [] });
    const { success, message } = await this.#host.context.call("world_model/promote", SERVICE_PATIENCE_MS);
    if (!success) throw new LatentloopError("ERR_BENCH", `The world-model node refused a swap: ${message}.`);
    const untilMs = performance.now() + SWAP_PATIENCE_MS;
    while (this.#state.startsWith("steady")) await sleepUntil(untilMs, "begin");
    while (!this.#state.startsWith("steady")) {
      if (this.#watched.loop.status === "holding") await this.arm(); // only a robot that follows it ends a watch
      await sleepUntil(untilMs, "end");
    }
    return this.#state === `steady ${candidate.hash}`;
  }

  #onTick(tick: TickMessage): void {
    const watched = this.#watched;
    const missedBefore = watched.loop.missedTicks;
    watched.loop.onTick(tick);
    const missed = watched.loop.missedTicks - missedBefore;
    const before = watched.previousTick;
    if (before && missed > 0) {
      // What came after its command may have taken the time.
      const untilNs = Math.max(before.untilNs, before.fromNs + missed * PERIOD_NS);
      watched.lateTicks.push({ ...before, untilNs, missed });
    }
    if (before && missed === 0 && before.beganNs - before.fromNs >= WITNESS.stallNs) watched.lateTicks.push(before);
    const { deadline_ns, begin_ns, command_ns } = tick;
    watched.previousTick = { fromNs: deadline_ns, beganNs: begin_ns, untilNs: command_ns, missed: 0 };
    if (watched.loop.status === "coasting") watched.coastingTicks++;
    if (watched.loop.status === "halting" || watched.loop.status === "holding") watched.haltedTicks++;
    const command = Float64Array.from(tick.command);
    const previous = this.#previous;
    this.#previous = command;
    if (previous?.length !== command.length) return;
    for (const [i, largest] of this.#largestSteps.entries()) {
      watched.largestStep = Math.max(watched.largestStep, Math.abs(command[i]! - previous[i]!) / largest);
    }
  }
}

async function sleepUntil(untilMs: number, what: string): Promise<void> {
  if (performance.now() > untilMs) throw new LatentloopError("ERR_BENCH", `A swap did not ${what} in time.`);
  await sleep(5);
}

function newlyWatched({ context }: NodeHost): Watched {
  const loop = new LoopMeasurements(COMMAND_RATE_HZ);
  return {
    loop,
    beganNs: context.clock.monotonicNs(),
    lateTicks: [],
    previousTick: undefined,
    stolenBeforeMs: stolenMs(),
    largestStep: 0,
    coastingTicks: 0,
    haltedTicks: 0,
    plans: 0,
    missingPlans: 0,
  };
}

/** The figures of what was counted from its beginning until now. */
export function figuresOf(watched: Watched, witnesses: Witnesses, nowNs: number) {
  const { loop, stolenBeforeMs, beganNs, largestStep, coastingTicks, haltedTicks, plans, missingPlans } = watched;
  const round = (value: number) => Number(value.toFixed(1));
  const blames = watched.lateTicks.map((late) => ({ missed: late.missed, blame: witnesses.blame(late) }));
  const countOf = (blame: Blame) => blames.filter((late) => late.blame === blame);
  const byBlame = (count: (lates: ReturnType<typeof countOf>) => number) =>
    Object.fromEntries((Object.keys(BLAMES) as Blame[]).map((blame) => [blame, count(countOf(blame))]));
  return {
    ticks: loop.ticks,
    missed_ticks: loop.missedTicks,
    missed_ticks_by: byBlame(sumOf),
    missed_by_waking_late: sumOf(watched.lateTicks.filter(wokeLate)),
    ticks_late_by_1_ms: blames.length,
    ticks_late_by_1_ms_by: byBlame((lates) => lates.length),
    machine_stalls: witnesses.machineStalls(beganNs, nowNs),
    stolen_ms: stolenMs() - stolenBeforeMs,
    lateness_us: {
      p50: round(loop.latenessUs.percentile(0.5)),
      p99: round(loop.latenessUs.percentile(0.99)),
      p99_9: round(loop.latenessUs.percentile(0.999)),
      max: round(loop.latenessUs.max),
    },
    plans,
    missing_plans: missingPlans,
    coasting_ticks: coastingTicks,
    halted_ticks: haltedTicks,
    largest_command_step_of_limit: Number(largestStep.toFixed(3)),
  };
}

function sumOf(ticks: readonly { readonly missed: number }[]): number {
  return ticks.reduce((sum, { missed }) => sum + missed, 0);
}

/** Otherwise the tick itself was held up, or took too long. */
function wokeLate({ fromNs, beganNs, untilNs }: LateTick): boolean {
  return beganNs - fromNs >= untilNs - beganNs;
}
