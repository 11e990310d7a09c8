import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { NodeContext, TriggerResponse } from "../../../src/core/node.ts";
import { EPISODE_KIND, type EpisodeEvent, type RosMessages } from "../../../src/messages/index.ts";
import { createEpisodes, episodesParameters } from "../../../src/nodes/episodes.ts";

/** The node with what it publishes; its steps come when the test says so. */
async function open(parameters: object) {
  const said: EpisodeEvent[] = [];
  const services = new Map<string, () => TriggerResponse | Promise<TriggerResponse>>();
  const heard = new Map<string, (message: unknown) => void>();
  let step = () => {};
  const context = {
    clock: systemClock(),
    publisher: () => ({ publish: (event: EpisodeEvent) => said.push(event) }),
    subscribe: (topic: string, _: string, onMessage: (message: unknown) => void) => heard.set(topic, onMessage),
    serve: (name: string, handler: () => TriggerResponse) => services.set(name, handler),
    call: async () => ({ success: true, message: "" }),
    diagnose: () => {},
    every: (_: number, callback: () => void) => {
      step = callback;
    },
  } as unknown as NodeContext<RosMessages>;
  const node = createEpisodes(context, episodesParameters.parse(parameters));
  await node.configure();
  const call = (name: string) => services.get(`~/${name}`)!();
  return { said, call, step: () => step(), hear: (event: object) => heard.get("task_episode")!(event) };
}

test("steps that no task scores have no reward, the last one neither", async () => {
  const { said, call, step } = await open({});
  await call("begin");
  step();
  await call("success");
  step();
  assert.deepEqual(
    said.map(({ kind, reward }) => [kind, reward]),
    [
      [EPISODE_KIND.begin, 0],
      [EPISODE_KIND.step, Number.NaN],
      [EPISODE_KIND.end, Number.NaN],
    ],
  );
  assert.equal(said.at(-1)!.success, true);
});

test("steps that a task scores have its reward", async () => {
  const { said, call, hear } = await open({ taskNode: "robot" });
  await call("begin");
  hear({ kind: EPISODE_KIND.begin, episode: 7 });
  hear({ kind: EPISODE_KIND.step, episode: 7, reward: -0.5, success: false, is_terminal: false });
  assert.equal(said.at(-1)!.reward, -0.5);
});
