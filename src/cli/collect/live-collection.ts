import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../core/errors.ts";
import { DEFAULT_QOS, LATCHED_QOS, type NodeContext, type Publisher, type TriggerResponse } from "../../core/node.ts";
import { CONTROL_STATUS, FOLLOWS_PLAN, HALT_CAUSES } from "../../core/status.ts";
import { EPISODE_KIND, type EpisodeEvent, type RosMessages, type RosType } from "../../messages/index.ts";
import type { CollectionNames } from "../../nodes/collect/collection-launch.ts";
import type { NodeHost } from "../../nodes/host/node-host.ts";
import { armLoop } from "../arm.ts";
import { TopicRates } from "./topic-rates.ts";

/** What an operator says, by key, button or script. */
export type OperatorWord = "begin" | "success" | "failure" | "redo" | "take-over" | "halt" | "stop";

export interface LiveEpisode {
  readonly number: number;
  readonly steps: number;
  readonly return: number;
  readonly success: boolean;
  /** Steps in which a human drove. */
  readonly interventions: number;
}

export interface LiveCollectionOptions {
  readonly host: Pick<NodeHost, "context" | "finished">;
  readonly namespace: string;
  readonly names: CollectionNames;
  readonly topics: readonly { readonly name: string; readonly type: RosType }[];
  readonly episodes: number;
  /** Begins each episode by itself: nobody has to be there. */
  readonly isAutomatic: boolean;
  readonly onEpisode: (episode: LiveEpisode) => void;
  /** What the loop answered to a word. */
  readonly onAnswer: (answer: string) => void;
}

const SERVICE_PATIENCE_MS = 5000;
const DISK_PATIENCE_MS = 10_000;
const DISK_RETRY_MS = 50;
const MOVING = FOLLOWS_PLAN.map((status) => Object.keys(CONTROL_STATUS).indexOf(status));
const OPERATOR = Object.keys(HALT_CAUSES).indexOf("operator");
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/** Leads a running loop through episodes: arms, begins, listens to the operator, counts, stops. */
export class LiveCollection {
  readonly rates: TopicRates;
  readonly episodes: LiveEpisode[] = [];
  discarded = 0;
  /** The episode that runs. */
  current: { number: number; steps: number; return: number; interventions: number } | undefined;
  /** Who drives, and what is wrong with the human's device. */
  inCharge = "";
  bag = "";
  /** The operator halted the loop: it waits until somebody arms it again. */
  isHalted = false;
  /** From the teleop node's diagnostics. */
  inputToCommandMs: { readonly p50: number; readonly p99: number; readonly inputs: number } | undefined;
  readonly #options: LiveCollectionOptions;
  readonly #context: NodeContext<RosMessages>;
  readonly #notes: Publisher<{ data: string }>;
  readonly #keys: Publisher<{ data: string }>;
  readonly #finished: Promise<void>;
  #finish: () => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #words: Promise<void> = Promise.resolve();
  /** Ends what waits to begin an episode. */
  #beginnings = new AbortController();
  #isStopping = false;
  #isRecording = false;
  #diskTimer: NodeJS.Timeout | undefined;

  constructor(options: LiveCollectionOptions) {
    const { host, names, topics } = options;
    this.#options = options;
    this.#context = host.context;
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.#finished.catch(() => {}); // `run` has the error
    this.rates = new TopicRates(
      this.#context,
      names.recorder,
      topics.map(({ name, type }) => ({ name: this.#full(name), type })),
    );
    this.#notes = this.#context.publisher(this.#full(`${names.episodes}/note`), "std_msgs/msg/String");
    this.#keys = this.#context.publisher(this.#full(`${names.teleop}/keys`), "std_msgs/msg/String");
    this.#listen();
  }

  /** Until the wanted number of episodes has ended, or somebody stops. Brings the robot to rest. */
  async run(): Promise<void> {
    if (this.#options.isAutomatic) this.say("begin");
    const failed = this.#options.host.finished().then((error) => {
      if (error !== undefined) throw error;
    });
    try {
      await Promise.race([this.#finished, failed]);
    } finally {
      this.#isStopping = true;
      this.#beginnings.abort();
      clearTimeout(this.#diskTimer);
    }
    await this.#halt().catch(() => {}); // it may have ended already
    await this.#words;
  }

  /** A word is done after the one before it; but halting and stopping wait for nothing, and nothing begins that waited. */
  say(word: OperatorWord): void {
    if (word === "halt" || word === "stop") {
      this.#beginnings.abort();
      this.#beginnings = new AbortController();
      void this.#perform(word);
      return;
    }
    const { signal } = this.#beginnings;
    this.#words = this.#words.then(() => this.#perform(word, signal));
  }

  note(text: string): void {
    this.#notes.publish({ data: text });
    this.#options.onAnswer(this.current === undefined ? "no episode runs that could be noted on" : `noted: ${text}`);
  }

  /** A key that moves the robot; the teleop node knows what it means. */
  key(key: string, kind: "press" | "release"): void {
    this.#keys.publish({ data: `${kind === "press" ? "+" : "-"}${key}` });
  }

  #listen(): void {
    const { names } = this.#options;
    const context = this.#context;
    context.subscribe(
      this.#full("episode"),
      "latentloop_msgs/msg/EpisodeEvent",
      (event) => this.#onEvent(event),
      TICK_QOS,
    );
    context.subscribe(
      this.#full(`${names.teleop}/state`),
      "std_msgs/msg/String",
      ({ data }) => {
        this.inCharge = data;
      },
      LATCHED_QOS,
    );
    context.subscribe(
      this.#full(`${names.recorder}/path`),
      "std_msgs/msg/String",
      ({ data }) => {
        this.bag = data;
      },
      LATCHED_QOS,
    );
    context.subscribe(
      this.#full(`${names.recorder}/recording`),
      "std_msgs/msg/Bool",
      ({ data }) => this.#onRecording(data),
      LATCHED_QOS,
    );
    context.subscribe(
      this.#full("control/tick"),
      "latentloop_msgs/msg/Tick",
      ({ status, halt_cause }) => {
        this.isHalted = halt_cause === OPERATOR && !MOVING.includes(status);
      },
      DEFAULT_QOS,
    );
    context.subscribe(this.#full(`${names.teleop}/word`), "std_msgs/msg/String", ({ data }) =>
      this.say(data as OperatorWord),
    );
    context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
      const own = status.find(({ name }) => name === `${names.teleop}: teleoperation`);
      const value = (key: string) => Number(own?.values.find((pair) => pair.key === key)?.value);
      if (own === undefined || !(value("inputs") > 0)) return;
      const [p50, p99] = [value("input_to_command_p50_ms"), value("input_to_command_p99_ms")];
      this.inputToCommandMs = { p50, p99, inputs: value("inputs") };
    });
  }

  /** A disk that is too slow costs the episode; one that does not come back ends the collection. */
  #onRecording(isRecording: boolean): void {
    clearTimeout(this.#diskTimer);
    const wasRecording = this.#isRecording;
    this.#isRecording = isRecording;
    if (isRecording || !wasRecording || this.#isStopping) return;
    if (this.current !== undefined) {
      this.#options.onAnswer("the recording lost messages: the episode is discarded");
      this.say("redo");
    }
    this.#diskTimer = setTimeout(
      () => this.#fail(new LatentloopError("ERR_RECORDING", `The recording ${this.bag} stopped early.`)),
      DISK_PATIENCE_MS,
    );
  }

  async #perform(word: OperatorWord, signal?: AbortSignal): Promise<void> {
    try {
      await this.#do(word, signal);
    } catch (thrown) {
      if (!this.#isStopping) this.#fail(thrown);
    }
  }

  async #do(word: OperatorWord, signal?: AbortSignal): Promise<void> {
    const { names, onAnswer } = this.#options;
    switch (word) {
      case "begin":
        await this.#begin(signal!);
        break;
      case "success":
      case "failure":
      case "redo":
        onAnswer((await this.#call(`${names.episodes}/${word}`)).message);
        break;
      case "take-over": {
        const service = this.inCharge.startsWith("human") ? "hand_back" : "take_over";
        onAnswer((await this.#call(`${names.teleop}/${service}`)).message);
        break;
      }
      case "halt":
        onAnswer((await this.#halt()).message);
        break;
      case "stop":
        this.#finish();
    }
  }

  /** Arms, and begins an episode unless one runs: that one goes on. */
  async #begin(signal: AbortSignal): Promise<void> {
    const { names, onAnswer } = this.#options;
    while (!this.#isRecording && !signal.aborted) await sleep(DISK_RETRY_MS);
    if (signal.aborted) return;
    const isArmed = await armLoop(this.#context, this.#full(`${names.control}/arm`), "ERR_CONTROL_LOOP", {
      onRefusal: onAnswer,
      signal,
    });
    if (signal.aborted) {
      if (isArmed) await this.#halt(); // it may have been armed after it had been told to halt
      return;
    }
    const { current } = this;
    onAnswer(
      current === undefined
        ? (await this.#call(`${names.episodes}/begin`)).message
        : `armed again: episode ${current.number} goes on`,
    );
  }

  #beginByItself(): void {
    if (!this.#options.isAutomatic) return;
    if (this.isHalted) this.#options.onAnswer("halted: enter arms again and begins the next episode");
    else this.say("begin");
  }

  #onEvent({ kind, episode, step, reward, success, intervention }: EpisodeEvent): void {
    if (kind === EPISODE_KIND.begin) {
      this.current = { number: episode, steps: 0, return: 0, interventions: 0 };
      return;
    }
    if (kind === EPISODE_KIND.discard) {
      this.#forget(episode);
      return;
    }
    const { current } = this;
    if (current === undefined) return;
    current.steps = step;
    if (!Number.isNaN(reward)) current.return += reward; // nobody scored it
    if (intervention) current.interventions++;
    if (kind !== EPISODE_KIND.end) return;
    this.current = undefined;
    const ended = { ...current, success };
    this.episodes.push(ended);
    this.#options.onEpisode(ended);
    if (this.episodes.length >= this.#options.episodes) this.#finish();
    else this.#beginByItself();
  }

  #forget(number: number): void {
    this.discarded++;
    const wasRunning = this.current?.number === number;
    this.current = undefined;
    if (!wasRunning && this.episodes.at(-1)?.number === number) this.episodes.pop();
    if (wasRunning && !this.#isStopping) this.#beginByItself();
  }

  #halt(): Promise<TriggerResponse> {
    return this.#call(`${this.#options.names.control}/halt`);
  }

  #call(service: string): Promise<TriggerResponse> {
    return this.#context.call(this.#full(service), SERVICE_PATIENCE_MS);
  }

  #full(name: string): string {
    return name.startsWith("/") ? name : `${this.#options.namespace}/${name}`;
  }
}
