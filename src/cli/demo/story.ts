import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../core/errors.ts";
import { LATCHED_QOS } from "../../core/node.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import type { ExportedBundle } from "../../learning/bundle/export-bundle.ts";
import { loadReplayEpisodes } from "../../learning/episodes/replay-episodes.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { GateSettings } from "../../learning/gates/index.ts";
import type { LedgerEvent } from "../../learning/models/ledger.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { type Proposal, propose } from "../../learning/models/propose.ts";
import type { TrainingProgress } from "../../messages/index.ts";
import { exportDecayingCandidate, exportWrongCandidate } from "./flawed-candidates.ts";
import type { EpisodeResult, LoopMeasurements } from "./loop-measurements.ts";
import { OperatedLoop, type OperatedLoopOptions } from "./operated-loop.ts";

export interface StoryOptions extends OperatedLoopOptions {
  /** With `live` pointing to the model that was trained elsewhere. */
  readonly models: ModelsFolder;
  /** Where the recorder writes. */
  readonly replay: string;
  /** The candidates that are made to fail are written here. */
  readonly work: string;
  /** Episodes that count before and after. */
  readonly episodes: { readonly before: number; readonly after: number };
  readonly gates: GateSettings;
  /** Steps after which the decaying candidate turns bad: longer than its shadow run. */
  readonly decaysAfter: number;
  /** The longest that nothing may happen. */
  readonly patienceS: number;
  readonly watcher: StoryWatcher;
}

/** What a story tells those who watch it. */
export interface StoryWatcher {
  /** The loop runs: figures that stay up to date. */
  onRunning?(story: RunningStory): void;
  /** A stage begins, in plain words. */
  onStage?(sentence: string): void;
  onEpisode?(result: EpisodeResult): void;
  /** The trainer says how far it is, about once a second. */
  onTrainer?(progress: TrainingProgress): void;
}

/** What there is to see while a story goes on. */
export interface RunningStory {
  readonly measured: LoopMeasurements;
  readonly stage: string;
  /** What the trainer beside the robot last said. */
  readonly trainer: TrainingProgress | undefined;
}

/** Scores of some episodes of the running robot. */
export interface StageScore {
  readonly episodes: number;
  readonly success: number;
  readonly meanReturn: number;
}

export interface StoryResult {
  readonly before: StageScore;
  readonly after: StageScore;
  readonly candidates: number;
  readonly refused: number;
  readonly swaps: number;
  readonly rollbacks: number;
  readonly measured: LoopMeasurements;
  readonly recording: string;
}

const TRAINER = "trainer";
const POLL_MS = 200;
/** Recorded episodes that the candidates which are made to fail are judged by. */
const JUDGED_EPISODES = 6;

/**
 * A model meets a world that is not the one it was trained in: it acts there, is trained further beside the robot, and is
 * replaced while the robot works. Two candidates that are made to fail show what keeps a bad model away.
 *
 * @throws the first node's error; ERR_DEMO_STUCK when nothing happens for longer than `patienceS`
 */
export async function tellStory(options: StoryOptions): Promise<StoryResult> {
  const loop = await OperatedLoop.start(options);
  const story = new Story(loop, options);
  try {
    return await story.tell();
  } finally {
    await story.close();
    await loop.stop();
  }
}

class Story implements RunningStory {
  stage = "";
  trainer: TrainingProgress | undefined;
  readonly #loop: OperatedLoop;
  readonly #options: StoryOptions;
  /** Episodes go on one after the other; whoever needs a score takes them from here. */
  #acting: Promise<void> = Promise.resolve();
  #acts = true;

  constructor(loop: OperatedLoop, options: StoryOptions) {
    this.#loop = loop;
    this.#options = options;
    loop.context.subscribe(
      `${TRAINER}/progress`,
      "latentloop_msgs/msg/TrainingProgress",
      (progress) => {
        this.trainer = progress;
        options.watcher.onTrainer?.(progress);
      },
      LATCHED_QOS,
    );
  }

  get measured(): LoopMeasurements {
    return this.#loop.measured;
  }

  async tell(): Promise<StoryResult> {
    const { models, episodes, watcher } = this.#options;
    watcher.onRunning?.(this);
    this.#say(
      "The world is not the one that the model was trained in: the camera was moved, light and colours differ, the arm is weaker, stiffer and late.",
    );
    await this.#call("pause"); // two candidates at a time would be in each other's way
    this.#acting = this.#act();
    this.#acting.catch(() => {}); // whoever waits next hears of it
    const before = await this.#score(episodes.before);
    this.#say(
      `It reaches ${percent(before.success)} of the targets. The robot works on, and all that it does is recorded.`,
    );
    await this.#showRefusal();
    await this.#showRollback();
    this.#say("The trainer beside the robot learns from what was recorded. Its candidate has to pass the same gates.");
    await this.#call("resume");
    await this.#until(
      "a candidate of the trainer to be kept",
      async () => (await models.ledger()).events.some(({ event }) => event === "kept"),
      () => `${this.trainer?.updates} ${this.trainer?.proposed}`,
    );
    await this.#call("pause"); // nothing else is tried while the score is taken
    this.#say("The tuned model has taken over between two steps and stood its watch. Does it reach more targets?");
    const after = await this.#score(episodes.after);
    await this.#rest();
    await this.#loop.call("control/halt");
    const { events } = await models.ledger();
    return { before, after, ...countEvents(events), measured: this.measured, recording: this.#loop.recording };
  }

  async close(): Promise<void> {
    await this.#rest().catch(() => {});
  }

  /** A candidate that the gates have to stop. */
  async #showRefusal(): Promise<void> {
    this.#say("Somebody proposes a bad model: its reward has the wrong sign. The gates look at it first.");
    const { passed, verdicts } = await this.#propose("wrong", exportWrongCandidate);
    if (passed) {
      throw new LatentloopError("ERR_DEMO_STUCK", "The gates let a model pass whose reward has the wrong sign.");
    }
    this.#say(`It was refused by ${failedGates(verdicts)}, and never acted.`);
  }

  /** A candidate that no gate can stop: the watch has to. */
  async #showRollback(): Promise<void> {
    const { models, decaysAfter } = this.#options;
    this.#say("Somebody proposes a model that turns bad after a while, longer than any gate looks at it.");
    const { passed, name, verdicts } = await this.#propose("decaying", (live, folder) =>
      exportDecayingCandidate(live, folder, decaysAfter),
    );
    if (!passed) return this.#say(`It was refused by ${failedGates(verdicts)}: this machine is too busy for it.`);
    this.#say("It passed the gates, runs beside the live model, and takes over: the watch goes on.");
    const end = await this.#until(
      "the watch to end",
      async () => (await models.ledger()).events.find((event) => event.model.name === name && isEndOfTrial(event)),
      () => undefined,
    );
    if (end.event === "kept") {
      throw new LatentloopError("ERR_DEMO_STUCK", "The watch kept a model that turned bad.", {
        remedy: "The machine may have been too slow for it to turn bad in time: run the demo with nothing beside it.",
      });
    }
    this.#say(
      end.event === "rolled-back"
        ? `It was rolled back by itself: ${end.reason}. The model before it acts again.`
        : "Beside the live model it was seen to be different, and never acted.",
    );
  }

  async #propose(name: string, make: (live: Bundle, folder: string) => Promise<ExportedBundle>): Promise<Proposal> {
    const { models, work, gates, replay } = this.#options;
    const live = await models.live();
    const folder = join(work, name);
    await rm(folder, { recursive: true, force: true });
    await make(await readBundle(live!.folder), folder);
    return propose(models, folder, {
      heldOut: ({ manifest }) => loadReplayEpisodes(replay, manifest, JUDGED_EPISODES),
      settings: gates,
      clock: this.#loop.context.clock,
      inference: { provider: "cpu", threads: 1, niceness: 0 },
    });
  }

  /** One target after the other until `#rest`. */
  async #act(): Promise<void> {
    while (this.#acts) {
      await this.#loop.playEpisode();
      this.#options.watcher.onEpisode?.(this.measured.episodes.at(-1)!);
    }
  }

  async #rest(): Promise<void> {
    this.#acts = false;
    await this.#acting;
  }

  /** The next so many whole episodes. */
  async #score(count: number): Promise<StageScore> {
    const { episodes } = this.measured;
    const first = episodes.length + (this.#isBetween() ? 0 : 1);
    await this.#until(
      `${count} episodes`,
      async () => episodes.length >= first + count,
      () => episodes.length,
    );
    const scored = episodes.slice(first, first + count);
    return {
      episodes: count,
      success: scored.filter(({ success }) => success).length / count,
      meanReturn: scored.reduce((sum, episode) => sum + episode.return, 0) / count,
    };
  }

  /** Whether no step of the present episode was counted yet. */
  #isBetween(): boolean {
    return this.measured.episodes.length === 0 && this.measured.current.step === 0;
  }

  /** Waits as long as there are signs of life: episodes alone are none, because they go on anyway. */
  async #until<T>(what: string, find: () => Promise<T | undefined | false>, isAlive: () => unknown): Promise<T> {
    const { patienceS } = this.#options;
    const { clock } = this.#loop.context;
    let sign = isAlive();
    let untilNs = clock.monotonicNs() + patienceS * 1e9;
    for (;;) {
      const found = await find();
      if (found) return found;
      if (isAlive() !== sign) {
        sign = isAlive();
        untilNs = clock.monotonicNs() + patienceS * 1e9;
      }
      if (clock.monotonicNs() > untilNs) {
        throw new LatentloopError("ERR_DEMO_STUCK", `Waited ${patienceS} s for ${what}, and nothing went on.`, {
          remedy: "Look at what the trainer says: it rests while the machine is too busy for the control loop.",
        });
      }
      await Promise.race([sleep(POLL_MS), this.#acting]); // a loop that failed ends the wait
    }
  }

  #call(service: string): Promise<void> {
    return this.#loop.call(`${TRAINER}/${service}`);
  }

  #say(sentence: string): void {
    this.stage = sentence;
    this.#options.watcher.onStage?.(sentence);
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function failedGates(verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ passed }) => passed === false);
  return failed.map(({ gate }) => gate).join(", ");
}

function isEndOfTrial(event: LedgerEvent): boolean {
  return event.event === "kept" || event.event === "rolled-back" || (event.event === "shadowed" && !event.passed);
}

/** What became of the candidates, by the ledger. */
export function countEvents(events: readonly LedgerEvent[]) {
  const count = (is: (event: LedgerEvent) => boolean) => events.filter(is).length;
  return {
    candidates: count(({ event }) => event === "judged"),
    refused: count((event) => (event.event === "judged" || event.event === "shadowed") && !event.passed),
    swaps: count((event) => event.event === "promoted" && event.from !== null),
    rollbacks: count(({ event }) => event === "rolled-back"),
  };
}
