import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import type { JointState } from "../../core/robot.ts";
import { CONTROL_STATUS, type ControlStatus, type HaltCause } from "../../core/status.ts";
import { type ArmRefusal, checkSafetyOptions } from "../../safety/index.ts";
import { RingReader } from "../../transport/shared-ring.ts";
import { ActionMap } from "./action-map.ts";
import { CommandRelay } from "./command-relay.ts";
import { type ControlMemory, createControlMemory } from "./control-memory.ts";
import type { ControlSetup } from "./control-setup.ts";
import type { CollectionReport, ControlThreadData, ControlThreadMessage } from "./control-thread.ts";
import { type BellTargets, Doorbell } from "./doorbell.ts";
import { JointSlotWriter } from "./joint-slot.ts";
import { type LoopReport, LoopStatistics } from "./loop-statistics.ts";
import { type OperatorRequest, OperatorWords } from "./operator-words.ts";
import { PlanSlotWriter } from "./plan-slot.ts";
import type { RealTimeGrant } from "./real-time.ts";
import { TickRecord } from "./tick-record.ts";

export interface ControlHostOptions {
  readonly setup: ControlSetup;
  readonly clock: Clock;
  /** The ring of the command topic, when the thread may publish there itself. */
  readonly commandRing?: SharedArrayBuffer;
  /** Takes the commands where there is no such ring: the newest one, if it is not late. Valid during the call only. */
  readonly onCommand?: (command: Float64Array) => void;
  /** Every tick in order; the record is reused after the call. */
  readonly onTick: (record: TickRecord) => void;
  /** Why the robot halts by `internal-error`; the loop goes on. */
  readonly onError: (error: LatentloopError) => void;
  /** The thread ended although nobody stopped it. */
  readonly onFailure: (error: LatentloopError) => void;
}

/** What a loop did from start to stop. */
export interface ControlSummary {
  readonly loop: LoopReport;
  readonly collections: CollectionReport | undefined;
}

const REQUEST_TIMEOUT_MS = 1000;
const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const AT_REST: readonly ControlStatus[] = ["disarmed", "holding", "estopped"];

/** The control thread seen from an event loop: starts it, feeds it, hands out its ticks, stops it with the robot at rest. */
export class ControlHost {
  readonly statistics: LoopStatistics;
  /** Ticks that were lost because this event loop was busy for too long. */
  get lostTicks(): number {
    return this.#reader.dropped;
  }
  readonly #options: ControlHostOptions;
  readonly #memory: ControlMemory;
  readonly #operator: OperatorWords;
  readonly #joints: JointSlotWriter;
  readonly #plans: PlanSlotWriter;
  readonly #reader: RingReader;
  readonly #record: TickRecord;
  /** The same ticks, each time the newest. */
  readonly #newestReader: RingReader;
  readonly #newest: TickRecord;
  readonly #relay: CommandRelay | undefined;
  #worker: Worker | undefined;
  #doorbell: Doorbell | undefined;
  #starting: Promise<RealTimeGrant> | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #ended: Extract<ControlThreadMessage, { kind: "ended" }> | undefined;
  #isRunning = false;
  #lastRequest: Promise<ArmRefusal> = Promise.resolve("none");
  #stopping: Promise<ControlSummary> | undefined;

  /** @throws ERR_INVALID_ARGUMENT, ERR_ACTION_MISMATCH for a setup that makes no loop */
  constructor(options: ControlHostOptions) {
    const { safety, actionSpace, maxHorizon } = options.setup;
    const jointCount = safety.robot.joints.length;
    const actionDimension = actionSpace.dimensions.length;
    checkSafetyOptions(safety);
    new ActionMap(actionSpace, safety.robot, 1 / safety.commandRateHz); // refuses here what the thread would refuse
    this.#options = options;
    this.#memory = createControlMemory(jointCount, actionDimension, maxHorizon);
    this.statistics = new LoopStatistics(this.#memory.statistics);
    this.#operator = new OperatorWords(this.#memory.operator);
    this.#joints = new JointSlotWriter(this.#memory.joints);
    this.#plans = new PlanSlotWriter(this.#memory.plans);
    this.#reader = new RingReader(this.#memory.records, { from: "oldest" });
    this.#record = new TickRecord(jointCount, actionDimension);
    this.#newestReader = new RingReader(this.#memory.records, { from: "oldest", keepLast: 1 });
    this.#newest = new TickRecord(jointCount, actionDimension);
    this.#relay = this.#makeRelay();
  }

  #makeRelay(): CommandRelay | undefined {
    const { setup, clock, onCommand, onError } = this.#options;
    return (
      onCommand &&
      new CommandRelay({
        ...setup.safety,
        nowNs: () => clock.monotonicNs(),
        send: onCommand,
        onJump: (error) => {
          this.halt("internal-error");
          onError(error);
        },
      })
    );
  }

  /**
   * Starts the loop, disarmed.
   * @throws ERR_CONTROL_LOOP if the thread does not come up
   */
  start(): Promise<RealTimeGrant> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<RealTimeGrant> {
    const { setup, commandRing } = this.#options;
    const targets: BellTargets = {
      rings: commandRing ? [this.#memory.records, commandRing] : [this.#memory.records],
      operator: this.#memory.operator,
    };
    this.#doorbell = Doorbell.install(targets, Math.max(0, setup.priority - 1));
    const data: ControlThreadData = {
      setup,
      memory: this.#memory,
      commandRing,
      doorbell: { fd: this.#doorbell?.fd, targets },
    };
    const worker = new Worker(new URL("./control-thread.js", import.meta.url), { workerData: data });
    this.#worker = worker;
    this.#exited = new Promise((resolve) => worker.once("exit", resolve));
    const grant = await new Promise<RealTimeGrant>((resolve, reject) => {
      worker.on("message", (message: ControlThreadMessage) => {
        if (message.kind === "running") resolve(message.grant);
        else if (message.kind === "error") this.#options.onError(threadError(`met an error: ${message.message}`));
        else this.#ended = message;
      });
      const fail = (error: LatentloopError) => {
        reject(error); // does nothing once it runs
        this.#fail(error);
      };
      worker.on("error", (cause) => fail(threadError(`failed: ${cause.message}`, cause)));
      worker.on("exit", (code) => fail(threadError(`ended by itself with code ${code}`)));
    });
    this.#isRunning = true;
    void this.#pump();
    return grant;
  }

  writeJointState(state: JointState): void {
    this.#joints.write(state);
  }

  /** A plan that does not fit counts as a missed one. */
  writePlan(plan: Plan, arrivalNs: number): void {
    if (!this.#plans.write(plan, arrivalNs)) this.refusePlan();
  }

  /** Tells the loop that a plan came that could not be read. */
  refusePlan(): void {
    this.#operator.countRefusedPlan();
  }

  /** The deadman's heartbeat. */
  beat(): void {
    this.#operator.beat();
  }

  setEstop(pressed: boolean): void {
    this.#operator.setEstop(pressed);
  }

  /** Halts smoothly; arming withdraws it. */
  halt(cause: HaltCause): void {
    this.#operator.setHalt(cause);
  }

  /** `none` when the robot follows plans from now on. */
  async arm(): Promise<ArmRefusal> {
    if (this.#stopping !== undefined || this.#worker === undefined) return "inactive";
    if (this.#relay?.isOff) return "off-command";
    this.#operator.setHalt("none");
    await this.#ticks(2); // so that the gate has seen a tick without the halt
    if (this.#stopping !== undefined) return "inactive";
    return this.#request("arm");
  }

  async resetEstop(): Promise<ArmRefusal> {
    return this.#worker === undefined ? "inactive" : this.#request("resetEstop");
  }

  /** One after the other, whoever asks. */
  #request(kind: OperatorRequest): Promise<ArmRefusal> {
    this.#lastRequest = this.#lastRequest.then(() => this.#operator.request(kind, REQUEST_TIMEOUT_MS));
    return this.#lastRequest;
  }

  /** Brings the robot to rest, then ends the loop. Safe to call at any moment, more than once. */
  stop(): Promise<ControlSummary> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<ControlSummary> {
    await this.#starting?.catch(() => {}); // its caller has the error
    if (this.#worker !== undefined) {
      this.halt("shutdown");
      await this.#rest();
      this.#operator.stop();
      await this.#exited;
      await this.#doorbell?.remove();
      this.#drain();
      this.#worker = undefined;
    }
    return { loop: this.statistics.report(), collections: this.#ended?.collections };
  }

  async #rest(): Promise<void> {
    const { clock, setup } = this.#options;
    const { joints } = setup.safety.robot;
    const brakingMs = 1e3 * Math.max(...joints.map(({ limits }) => limits.velocity / limits.acceleration));
    const askedNs = clock.monotonicNs();
    const untilNs = askedNs + (brakingMs + REQUEST_TIMEOUT_MS) * 1e6;
    const isAtRest = () =>
      this.#record.get("beginNs") > askedNs && AT_REST.includes(STATUSES[this.#record.get("status")]!);
    while (!isAtRest() && clock.monotonicNs() < untilNs && this.#ended === undefined) await sleep(2);
  }

  async #ticks(count: number): Promise<void> {
    const until = this.statistics.report().ticks + count;
    const { clock } = this.#options;
    const untilNs = clock.monotonicNs() + REQUEST_TIMEOUT_MS * 1e6;
    while (this.statistics.report().ticks < until && clock.monotonicNs() < untilNs) await sleep(2);
  }

  async #pump(): Promise<void> {
    while (this.#worker !== undefined) {
      await this.#reader.waitAsync(100);
      this.#drain();
    }
  }

  /** Before each tick the newest command, which so waits behind no more than one. */
  #drain(): void {
    this.#relayNewest();
    while (this.#reader.read()) {
      this.#record.bytes.set(this.#reader.message);
      this.#options.onTick(this.#record);
      this.#relayNewest();
    }
  }

  #relayNewest(): void {
    if (this.#relay === undefined || !this.#newestReader.read()) return;
    this.#newest.bytes.set(this.#newestReader.message);
    this.#relay.take(this.#newest);
  }

  #fail(error: LatentloopError): void {
    if (this.#stopping !== undefined || this.#worker === undefined) return;
    this.#worker = undefined;
    void this.#doorbell?.remove();
    if (this.#isRunning) this.#options.onFailure(error); // otherwise `start` throws it
  }
}

function threadError(what: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_CONTROL_LOOP", `The control thread ${what}.`, { cause });
}
