import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LiveCollection, type LiveCollectionOptions } from "../../../src/cli/collect/live-collection.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { CONTROL_STATUS, HALT_CAUSES } from "../../../src/core/status.ts";
import { EPISODE_KIND } from "../../../src/messages/index.ts";

const indexIn = (names: object, name: string) => Object.keys(names).indexOf(name);
const tick = (status: keyof typeof CONTROL_STATUS, cause: keyof typeof HALT_CAUSES) => ({
  status: indexIn(CONTROL_STATUS, status),
  halt_cause: indexIn(HALT_CAUSES, cause),
});

/** A loop that notes what it is asked for, and that answers as a test says. */
function open({ isAutomatic = false } = {}) {
  const heard = new Map<string, (message: unknown) => void>();
  const asked: string[] = [];
  const loop: { arm: () => Promise<boolean> } = { arm: async () => true };
  const context = {
    clock: systemClock(),
    publisher: () => ({ publish: () => {} }),
    subscribe: (topic: string, _: string, onMessage: (message: unknown) => void) => heard.set(topic, onMessage),
    subscribeSerialized: () => {},
    async call(service: string) {
      asked.push(service.replace("/arm/", ""));
      return { success: service.endsWith("/arm") ? await loop.arm() : true, message: "answer" };
    },
  };
  const answers: string[] = [];
  const collection = new LiveCollection({
    host: { context, finished: () => new Promise(() => {}) } as unknown as LiveCollectionOptions["host"],
    namespace: "/arm",
    names: { control: "control", teleop: "teleop", episodes: "episodes", recorder: "recorder" },
    topics: [],
    episodes: 9,
    isAutomatic,
    onEpisode: () => {},
    onAnswer: (answer) => answers.push(answer),
  });
  const hear = (topic: string, message: object) => heard.get(`/arm/${topic}`)!(message);
  hear("recorder/recording", { data: true });
  const event = { step: 0, reward: 0, success: false, intervention: false, episode: 3 };
  return { collection, asked, answers, loop, hear, event };
}

const settled = () => sleep(20);

test("a halt waits for nothing, and an episode that waits to begin begins no more", async () => {
  const { collection, asked, loop } = open();
  loop.arm = async () => false; // images are missing
  collection.say("begin");
  await settled();
  collection.say("halt");
  assert.deepEqual(asked, ["control/arm", "control/halt"]);
  loop.arm = async () => true;
  await sleep(500); // longer than it takes to ask again
  assert.deepEqual(asked, ["control/arm", "control/halt"]);
});

test("a loop that is armed after it was told to halt is told again", async () => {
  const { collection, asked, loop } = open();
  let arm: (success: boolean) => void = () => {};
  loop.arm = () => new Promise((resolve) => void (arm = resolve));
  collection.say("begin");
  await settled();
  collection.say("halt");
  arm(true);
  await settled();
  assert.deepEqual(asked, ["control/arm", "control/halt", "control/halt"]);
});

test("the word to stop ends a beginning and brings the robot to rest", async () => {
  const { collection, asked, loop } = open();
  loop.arm = async () => false;
  const running = collection.run();
  collection.say("begin");
  await settled();
  collection.say("stop");
  await running;
  assert.deepEqual(asked, ["control/arm", "control/halt"]);
});

test("after an operator's halt the word to begin arms again, and the running episode goes on", async () => {
  const { collection, asked, answers, hear, event } = open();
  hear("episode", { ...event, kind: EPISODE_KIND.begin });
  hear("control/tick", tick("holding", "plan-stale"));
  assert.equal(collection.isHalted, false);
  hear("control/tick", tick("halting", "operator"));
  assert.equal(collection.isHalted, true);
  collection.say("begin");
  await settled();
  assert.deepEqual(asked, ["control/arm"]);
  assert.match(answers.at(-1)!, /armed again: episode 3 goes on/);
  hear("control/tick", tick("tracking", "none"));
  assert.equal(collection.isHalted, false);
});

test("no episode begins by itself while the operator's halt stands", async () => {
  const { asked, answers, hear, event } = open({ isAutomatic: true });
  hear("episode", { ...event, kind: EPISODE_KIND.begin });
  hear("control/tick", tick("holding", "operator"));
  hear("episode", { ...event, kind: EPISODE_KIND.end });
  await settled();
  assert.deepEqual(asked, []);
  assert.match(answers.at(-1)!, /enter/);
  hear("episode", { ...event, kind: EPISODE_KIND.begin });
  hear("control/tick", tick("tracking", "none"));
  hear("episode", { ...event, kind: EPISODE_KIND.end });
  await settled();
  assert.deepEqual(asked, ["control/arm", "episodes/begin"]);
});
