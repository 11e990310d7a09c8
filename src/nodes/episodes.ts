import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import type { Diagnosis, LifecycleNode, NodeContext, Publisher, TriggerResponse } from "../core/node.ts";
import { RUNGS } from "../core/plan.ts";
import { EPISODE_KIND, type EpisodeEvent, type RosMessages } from "../messages/index.ts";
import { EpisodeKeeper } from "../replay/episode-keeper.ts";
import { SessionFolder } from "../replay/session-folder.ts";

export const episodesParameters = z.strictObject({
  folder: z
    .string()
    .default("")
    .meta({ description: "The session: the recorder's folder. Empty: numbers begin at 0.", readOnly: true }),
  task: z.string().default("").describe("What is to be done, in words; recorded with each episode."),
  episodeSeconds: z
    .number()
    .positive()
    .default(60)
    .meta({ description: "An episode that nobody ended ends then, without success.", unit: "s" }),
  stepRateHz: z
    .number()
    .min(1)
    .max(100)
    .default(10)
    .meta({ description: "Steps per second, where no task scores them.", unit: "Hz", readOnly: true }),
  taskNode: z
    .string()
    .default("")
    .meta({ description: "Simulated robot that scores the steps on `task_episode`.", readOnly: true }),
});
export type EpisodesParameters = z.output<typeof episodesParameters>;

const SERVICE_PATIENCE_MS = 2000;
const TELEOP = RUNGS.indexOf("teleop");

/**
 * Says on `episode` where episodes begin and end, what each step earned and whether a human drove in it. Where no task scores
 * the steps their reward is NaN: whoever learns from the recording leaves them out.
 *
 * Serves `~/begin`, `~/success`, `~/failure` (both end it with its next step) and `~/redo` (discards the episode that runs, or
 * else the last one); takes notes on `~/note`. Reads `control/tick` for who drives. Numbers go on through the session's folder.
 */
export function createEpisodes(context: NodeContext<RosMessages>, parameters: EpisodesParameters): LifecycleNode {
  let session: SessionFolder | undefined;
  let episodes: Episodes | undefined;
  return {
    async configure() {
      session = parameters.folder === "" ? undefined : await SessionFolder.open(parameters.folder);
      for (const bag of session?.recovered ?? []) context.log.info(`Made whole what an interrupted run left: ${bag}`);
      episodes = new Episodes(context, parameters, new EpisodeKeeper(session?.finished));
    },
    async activate() {},
    async deactivate() {
      await episodes?.cut();
    },
    async cleanup() {
      episodes = undefined;
      await session?.close();
    },
  };
}

class Episodes {
  readonly #context: NodeContext<RosMessages>;
  readonly #parameters: EpisodesParameters;
  readonly #keeper: EpisodeKeeper;
  readonly #events: Publisher<EpisodeEvent>;
  /** Said by the operator; the next step is the end. */
  #verdict: "success" | "failure" | undefined;
  #endNs = Number.POSITIVE_INFINITY;
  #humanDrove = false;
  /** What the task calls the episode: an event of the one before it may come late. */
  #taskEpisode: number | undefined;

  constructor(context: NodeContext<RosMessages>, parameters: EpisodesParameters, keeper: EpisodeKeeper) {
    this.#context = context;
    this.#parameters = parameters;
    this.#keeper = keeper;
    this.#events = context.publisher("episode", "latentloop_msgs/msg/EpisodeEvent");
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", ({ rung }) => {
      if (rung === TELEOP) this.#humanDrove = true;
    });
    if (parameters.taskNode === "") {
      const noScore = { kind: EPISODE_KIND.step, reward: Number.NaN, success: false, is_terminal: false };
      context.every(1e3 / parameters.stepRateHz, () => this.#step(noScore));
    } else {
      context.subscribe("task_episode", "latentloop_msgs/msg/EpisodeEvent", (event) => {
        if (event.kind === EPISODE_KIND.begin) this.#taskEpisode = event.episode;
        else if (event.episode === this.#taskEpisode) this.#step(event);
      });
    }
    context.subscribe("~/note", "std_msgs/msg/String", ({ data }) => this.#keeper.note(data));
    context.serve("~/begin", () => this.#begin());
    context.serve("~/success", () => this.#judge("success"));
    context.serve("~/failure", () => this.#judge("failure"));
    context.serve("~/redo", () => this.#redo());
    context.diagnose("episodes", () => this.#diagnosis());
  }

  /** An episode that the end of the run cuts is discarded: it has no outcome. */
  async cut(): Promise<void> {
    if (this.#keeper.running !== undefined) await this.#redo();
  }

  async #begin(): Promise<TriggerResponse> {
    const { clock } = this.#context;
    const { episodeSeconds, task } = this.#parameters;
    if (this.#keeper.running !== undefined) return refused(`episode ${this.#keeper.running} has not ended`);
    this.#taskEpisode = undefined;
    const started = await this.#callTask("start_episode");
    if (started !== undefined && !started.success) return started;
    this.#verdict = undefined;
    this.#humanDrove = false;
    this.#endNs = clock.monotonicNs() + episodeSeconds * 1e9;
    const event = this.#keeper.begin(clock.rosNs(), task);
    this.#events.publish(event);
    return { success: true, message: `episode ${event.episode} began` };
  }

  #judge(verdict: "success" | "failure"): TriggerResponse {
    if (this.#keeper.running === undefined) return refused("no episode runs");
    this.#verdict = verdict;
    return { success: true, message: `episode ${this.#keeper.running} ends with its next step: ${verdict}` };
  }

  async #redo(): Promise<TriggerResponse> {
    const wasRunning = this.#keeper.running !== undefined;
    let event: EpisodeEvent;
    try {
      event = this.#keeper.discard(this.#context.clock.rosNs());
    } catch (thrown) {
      return refused(messageOf(thrown));
    }
    this.#events.publish(event);
    if (wasRunning) await this.#callTask("end_episode");
    return { success: true, message: `episode ${event.episode} is discarded; the next one gets its number` };
  }

  #step(step: Pick<EpisodeEvent, "kind" | "reward" | "success" | "is_terminal">): void {
    const { kind, reward, success, is_terminal: isTerminal } = step;
    const { clock } = this.#context;
    if (this.#keeper.running === undefined) return;
    const outcome = { reward, intervention: this.#humanDrove };
    this.#humanDrove = false;
    const taskEnded = kind === EPISODE_KIND.end || isTerminal;
    const isOver = this.#verdict !== undefined || taskEnded || clock.monotonicNs() >= this.#endNs;
    if (!isOver) {
      this.#events.publish(this.#keeper.step(clock.rosNs(), outcome));
      return;
    }
    const succeeded = this.#verdict === undefined ? success : this.#verdict === "success";
    this.#events.publish(this.#keeper.end(clock.rosNs(), { ...outcome, success: succeeded, isTerminal }));
    void this.#callTask("end_episode");
  }

  async #callTask(service: "start_episode" | "end_episode"): Promise<TriggerResponse | undefined> {
    const { taskNode } = this.#parameters;
    if (taskNode === "") return undefined;
    try {
      return await this.#context.call(`${taskNode}/${service}`, SERVICE_PATIENCE_MS);
    } catch (thrown) {
      return refused(messageOf(thrown));
    }
  }

  #diagnosis(): Diagnosis {
    const { running, finishedCount } = this.#keeper;
    const values = { running: running ?? "none", finished: finishedCount };
    return { level: "ok", message: running === undefined ? "no episode runs" : `episode ${running}`, values };
  }
}

function refused(why: string): TriggerResponse {
  return { success: false, message: why };
}
