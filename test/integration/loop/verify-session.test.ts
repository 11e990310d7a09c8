import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DEFAULT_QOS } from "../../../src/core/node.ts";
import { CONTROL_STATUS } from "../../../src/core/status.ts";
import {
  deserializeMessage,
  nsFromTime,
  POLICY_EVENT,
  type PolicyEvent,
  type RosMessages,
  type RosType,
  serializeMessage,
} from "../../../src/messages/index.ts";
import { BundleFinder } from "../../../src/nodes/session/find-bundles.ts";
import { type SessionVerdict, verifySession } from "../../../src/nodes/session/verify-session.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { Recording } from "../../../src/replay/recording.ts";
import { SwappingLoop } from "../../support/swapping-loop.ts";

const TRACKING = Object.keys(CONTROL_STATUS).indexOf("tracking");
const [TICK, EVENT] = ["latentloop_msgs/msg/Tick", "latentloop_msgs/msg/PolicyEvent"] as const;
const TOPICS = [
  { name: "scene/image_model", type: "sensor_msgs/msg/Image", depth: 500 },
  { name: "plan", type: "latentloop_msgs/msg/Plan", depth: 500 },
  { name: "control/tick", type: TICK, depth: 500 },
  { name: "control/tick_input", type: "latentloop_msgs/msg/TickInput", depth: 500 },
  { name: "control/session", type: "latentloop_msgs/msg/SessionStart", latched: true },
  { name: "world_model/policy_event", type: EVENT, depth: 500 },
  { name: "world_model/session", type: "latentloop_msgs/msg/SessionStart", latched: true },
];

let loop: SwappingLoop;
let bag: string;
let candidate: string;
let copies = 0;

/** A session in which everything happens: swaps that are kept, taken back and refused, a halt, an emergency stop. */
before(async () => {
  loop = await SwappingLoop.start({
    moreNodes: (folder) => [
      {
        name: "recorder",
        kind: "recorder",
        parameters: { folder: join(folder, "runs"), topics: TOPICS, minFreeMegabytes: 0 },
      },
    ],
  });
  candidate = await loop.propose("second", (manifest) => {
    manifest.training.seed = 1001;
  });
  await loop.call("world_model/promote");
  await loop.untilLast("kept");
  await loop.call("control/halt");
  await loop.until("halted", () => loop.status === "holding");
  await loop.arm();
  await loop.call("world_model/rollback");
  await loop.untilLast("rolled-back");
  const estop = loop.host.context.publisher("control/estop", "std_msgs/msg/Bool");
  await loop.until("stopped", () => {
    estop.publish({ data: true });
    return loop.status === "estopped";
  });
  estop.publish({ data: false });
  await loop.until("reset", async () => (await loop.call("control/reset_estop")).success);
  await loop.arm();
  await loop.propose("startled", (manifest) => {
    manifest.surpriseLimit = 1e-6;
    manifest.surpriseWarn = 5e-7;
  });
  await loop.call("world_model/promote");
  await loop.untilLast("shadowed");
  await loop.stop();
  const runs = join(loop.folder, "runs");
  bag = join(runs, (await readdir(runs))[0]!);
});

after(() => loop.remove());

const verify = (path: string): Promise<SessionVerdict> => verifySession(path, new BundleFinder([loop.models.path]));

type Change = <T extends RosType>(type: T, message: RosMessages[T]) => RosMessages[T] | undefined;

/** A copy of the bag with messages changed or left out. */
async function changedBag(change: Change): Promise<string> {
  const folder = join(loop.folder, `changed-${copies++}`);
  const recording = await Recording.begin({
    folder,
    chunkBytes: 1e6,
    maxPendingBytes: 1e9,
    minFreeBytes: 0,
    customData: {},
  });
  const reader = await BagReader.open(bag);
  const topics = new Map(
    reader.topics.map(({ topic, type }) => [topic, recording.addTopic(topic, type as RosType, DEFAULT_QOS)]),
  );
  for await (const { topic, type, data, logTimeNs, publishTimeNs } of reader.messages()) {
    const message = change(type as RosType, deserializeMessage(type as RosType, data.slice()));
    if (message) topics.get(topic)!.write(serializeMessage(type as RosType, message), logTimeNs, publishTimeNs);
  }
  await reader.close();
  await recording.end();
  return folder;
}

/** What the session logged of a type, in order: how much that is depends on the pace of the machine. */
async function logged<T extends RosType>(wanted: T): Promise<RosMessages[T][]> {
  const messages: RosMessages[T][] = [];
  const reader = await BagReader.open(bag);
  for await (const { type, data } of reader.messages()) {
    if (type === wanted) messages.push(deserializeMessage(wanted, data.slice()));
  }
  await reader.close();
  return messages;
}

/** One of the first model's events, with others before and after it. */
async function eventInTheMiddle(is: (event: PolicyEvent) => boolean): Promise<PolicyEvent> {
  const events = await logged(EVENT);
  const chosen = events.filter((event) => event.session === events[0]!.session && is(event));
  return chosen[chosen.length >> 1]!;
}

const isEvent = (event: PolicyEvent, { session, number }: PolicyEvent) =>
  event.session === session && event.number === number;

/** The plan that was acted on for the most ticks. */
async function longFollowedPlan(): Promise<bigint> {
  const ticks = new Map<bigint, number>();
  for (const { status, plan_id } of await logged(TICK)) {
    if (status === TRACKING) ticks.set(plan_id, (ticks.get(plan_id) ?? 0) + 1);
  }
  return [...ticks].reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

/** Applies to one type only. */
function to<T extends RosType>(only: T, change: (message: RosMessages[T]) => RosMessages[T] | undefined): Change {
  return (type, message) =>
    (type as string) === only ? (change(message as never) as typeof message | undefined) : message;
}

test("a session with swaps, a rollback, a halt, an emergency stop and arming runs again bit for bit", async () => {
  const verdict = await verify(bag);
  assert.deepEqual(
    verdict.parts.filter(({ difference, gap }) => difference || gap),
    [],
  );
  assert.deepEqual(verdict.strangePlans, []);
  assert.equal(verdict.ok, true);
  const control = verdict.parts.filter(({ part }) => part === "control");
  const ticks = (await logged(TICK)).length;
  assert.ok(control.length === 1 && control[0]!.same >= ticks - 1, `${control[0]?.same} of ${ticks} ticks`);
  const models = verdict.parts.filter(({ part }) => part === "model");
  // The first model, the candidate, the first one with a new belief, the one that is refused.
  assert.equal(models.length, 4);
  assert.ok(models.every(({ same }) => same > 0));
  assert.equal(
    models.reduce((sum, { same }) => sum + same, 0),
    (await logged(EVENT)).length,
  );
  assert.equal(models.filter(({ name }) => name.includes(candidate)).length, 1);
});

test("a changed pixel is called different at the event that used it, with its camera", async () => {
  const { number, image_stamps } = await eventInTheMiddle(({ cameras }) => cameras.length > 0);
  const stampNs = nsFromTime(image_stamps[0]!); // not every picture was looked at: this one was
  const verdict = await verify(
    await changedBag(
      to("sensor_msgs/msg/Image", (image) => {
        if (nsFromTime(image.header.stamp) === stampNs) image.data[1234]! ^= 1;
        return image;
      }),
    ),
  );
  assert.equal(verdict.ok, false);
  const { difference, same } = verdict.parts.find((part) => part.difference)!;
  assert.match(difference!.what, new RegExp(`image of scene captured at ${stampNs}`));
  assert.equal(difference!.where, `event ${same}`, "everything before it is the same");
  assert.ok(same > 0 && same <= number, `event ${same}, of the picture that event ${number} used`);
});

test("a changed bit in what a model took, or planned, is called different at that event", async () => {
  const changes: [RegExp, (event: PolicyEvent) => void][] = [
    [
      /checksum of what the model took/,
      ({ proprioception }) => {
        const bits = new Int32Array(Float32Array.from(proprioception).buffer);
        bits[0]! ^= 1;
        (proprioception as Float32Array).set(new Float32Array(bits.buffer));
      },
    ],
    [
      /^action wrist in step 2 of plan \d+$/,
      ({ plan }) => {
        plan[0]!.actions[5] = 0.123;
      },
    ],
    [
      /^checksum of the latent$/,
      (event) => {
        event.latent_checksum ^= 1;
      },
    ],
  ];
  const changed = await eventInTheMiddle(({ kind, plan }) => kind === POLICY_EVENT.plan && plan.length > 0);
  for (const [what, change] of changes) {
    const path = await changedBag(
      to(EVENT, (event) => {
        if (isEvent(event, changed)) change(event);
        return event;
      }),
    );
    const { ok, parts } = await verify(path);
    assert.equal(ok, false);
    const { difference } = parts.find((part) => part.difference)!;
    assert.deepEqual(difference?.where, `event ${changed.number}`);
    assert.match(difference.what, what);
  }
});

test("a plan that was published otherwise than the model made it is found, and so is the command that followed it", async () => {
  const followed = await longFollowedPlan();
  const path = await changedBag(
    to("latentloop_msgs/msg/Plan", (plan) => {
      if (plan.plan_id === followed) plan.actions.fill(0.99);
      return plan;
    }),
  );
  const { parts, strangePlans } = await verify(path);
  assert.equal(strangePlans.length, 1);
  assert.match(strangePlans[0]!, new RegExp(`action 0 in step 0 of plan ${followed}`));
  assert.match(parts.find(({ part }) => part === "control")!.difference!.what, /of joint (shoulder|wrist)/);
  assert.ok(parts.filter(({ part }) => part === "model").every(({ difference }) => !difference));
});

test("another model under the same log is called different from its first plan on", async () => {
  const first = (await loop.models.list()).find(({ name }) => name === "first")!.hash!;
  const path = await changedBag(
    to("latentloop_msgs/msg/SessionStart", (start) => ({ ...start, setup: start.setup.replaceAll(first, candidate) })),
  );
  const { ok, parts } = await verify(path);
  assert.equal(ok, false);
  const { difference } = parts.find((part) => part.difference)!;
  assert.match(difference!.what, /^model_hash of plan 1$/);
  assert.deepEqual([difference!.recorded, difference!.again], [first, candidate]);
});

test("what is missing is named: an event, a model, the log itself", async () => {
  const lost = await eventInTheMiddle(() => true);
  const gappy = await changedBag(to(EVENT, (event) => (isEvent(event, lost) ? undefined : event)));
  const { ok, parts } = await verify(gappy);
  assert.equal(ok, false);
  const gap = parts.find((part) => part.gap)?.gap;
  assert.equal(gap, `events ${lost.number} to ${lost.number} are not in the recording`);

  const strange = await changedBag(
    to("latentloop_msgs/msg/SessionStart", (start) => ({
      ...start,
      setup: start.setup.replaceAll(candidate, "00112233aabbccdd"),
    })),
  );
  await assert.rejects(verify(strange), { code: "ERR_SESSION_MODEL", message: /00112233aabbccdd/ });

  const elsewhere = await changedBag(
    to("latentloop_msgs/msg/SessionStart", (start) => ({ ...start, setup: start.setup.replaceAll("cpu", "webgpu") })),
  );
  await assert.rejects(verify(elsewhere), { code: "ERR_SESSION_MODEL", message: /ran on webgpu/ });

  const later = await changedBag((type, message) =>
    type === "latentloop_msgs/msg/SessionStart" ? undefined : message,
  );
  await assert.rejects(verify(later), { code: "ERR_SESSION_LOG", message: /begins later/ });

  const bare = await changedBag((type, message) => (type.startsWith("latentloop_msgs") ? undefined : message));
  await assert.rejects(verify(bare), { code: "ERR_SESSION_LOG", message: /there is none/ });
});
